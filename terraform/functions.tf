locals {
  names = ["register", "publish", "subscribe", "get_events", "expire"]

  defaults = {
    register   = { available_memory = "512Mi", max_instances = 10, timeout_s = 60 }
    publish    = { available_memory = "512Mi", max_instances = 100, timeout_s = 60 }
    subscribe  = { available_memory = "512Mi", max_instances = 10, timeout_s = 60 }
    get_events = { available_memory = "1Gi", max_instances = 100, timeout_s = 80 } # it may wait for 20 s
    expire     = { available_memory = "512Mi", max_instances = 1, timeout_s = 540 }
  }

  functions = {
    for name in local.names : name => {
      function         = "${var.function_prefix}${name}"
      available_cpu    = coalesce(try(var.functions[name].available_cpu, null), "1")
      available_memory = coalesce(try(var.functions[name].available_memory, null), local.defaults[name].available_memory)
      concurrency      = coalesce(try(var.functions[name].concurrency, null), 80)
      max_instances    = coalesce(try(var.functions[name].max_instances, null), local.defaults[name].max_instances)
      min_instances    = coalesce(try(var.functions[name].min_instances, null), 0)
      timeout_s        = coalesce(try(var.functions[name].timeout_s, null), local.defaults[name].timeout_s)
    }
  }

  # one host reaches all functions, and is known before they are: https://REGION-PROJECT.cloudfunctions.net/NAME
  base_url = "https://${var.region}-${var.project_id}.cloudfunctions.net"

  # what callers' tokens are made out to for the service itself; Cloud Run checks others, made out to each function
  identity_audience = var.function_prefix == "" ? local.base_url : "${local.base_url}/${var.function_prefix}"
}

resource "google_cloudfunctions2_function" "this" {
  for_each = local.functions

  project      = var.project_id
  location     = var.region
  name         = each.value.function
  description  = "pubsubclient: ${each.key}"
  labels       = var.labels
  kms_key_name = var.kms_key_name

  build_config {
    runtime           = var.runtime
    entry_point       = each.key
    service_account   = google_service_account.build.id
    docker_repository = google_artifact_registry_repository.images.id
    worker_pool       = var.build_worker_pool

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    available_cpu                    = each.value.available_cpu
    available_memory                 = each.value.available_memory
    max_instance_request_concurrency = each.value.concurrency
    max_instance_count               = each.value.max_instances
    min_instance_count               = each.value.min_instances
    timeout_seconds                  = each.value.timeout_s
    service_account_email            = google_service_account.runtime.email
    ingress_settings                 = var.ingress
    all_traffic_on_latest_revision   = true
    vpc_connector                    = try(var.vpc_egress.connector, null)
    vpc_connector_egress_settings    = try(var.vpc_egress.egress, null)

    environment_variables = {
      PUBSUB_DATABASE  = local.database
      PUBSUB_IDENTITY  = var.identity ? "on" : "off"
      PUBSUB_AUDIENCES = local.identity_audience
      PUBSUB_ADMINS    = join(",", local.admin_emails)
      # the framework runs 4 requests a CPU otherwise, whatever the concurrency
      THREADS = tostring(each.value.concurrency)
      # each thread keeps a share of the memory of large requests otherwise
      MALLOC_ARENA_MAX = "1"
    }
  }

  # roles that a build or a request needs at once
  depends_on = [
    google_project_service.this,
    time_sleep.iam,
  ]
}
