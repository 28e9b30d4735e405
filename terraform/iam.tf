# Accounts of the build and of the functions, with what each needs

resource "google_service_account" "build" {
  project      = var.project_id
  account_id   = "${var.name}-build"
  display_name = "Builds the functions of ${var.name}"

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "build_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

resource "google_storage_bucket_iam_member" "build" {
  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member
}

# A build does not read the bucket above: Cloud Functions copies the source from there into a bucket of its own,
# gcf-v2-sources-NUMBER-REGION, which it makes with the first function of a region, and whose name goes on with a key's.
resource "google_project_iam_member" "build_sources" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  dynamic "condition" {
    for_each = var.restrict_build_access ? [["gcf-v2-sources-", "gcf-v2-uploads-"]] : []
    content {
      title       = "sources-of-functions"
      description = "Only what Cloud Functions keeps of sources."
      expression  = join(" || ", [for prefix in condition.value : "resource.name.startsWith(\"projects/_/buckets/${prefix}\")"])
    }
  }
}

resource "google_artifact_registry_repository_iam_member" "build" {
  project    = var.project_id
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

resource "google_service_account" "runtime" {
  project      = var.project_id
  account_id   = "${var.name}-functions"
  display_name = "Runs the functions of ${var.name}"

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "runtime" {
  project = var.project_id
  role    = "roles/datastore.user"
  member  = google_service_account.runtime.member

  dynamic "condition" {
    for_each = var.restrict_database_access ? [local.database] : []
    content {
      title       = "one-database"
      description = "Only the database of ${var.name}."
      expression  = "resource.name == \"projects/${var.project_id}/databases/${condition.value}\""
    }
  }
}

# What IAM grants counts some time later, usually within two minutes; a build that comes earlier fails for good. It
# begins to wait again when a grant is made anew.
resource "time_sleep" "iam" {
  create_duration = "120s"

  triggers = {
    build_logs    = google_project_iam_member.build_logs.id
    build_sources = google_project_iam_member.build_sources.id
    build_bucket  = google_storage_bucket_iam_member.build.id
    build_images  = google_artifact_registry_repository_iam_member.build.id
    runtime       = google_project_iam_member.runtime.id
  }
}

resource "google_service_account" "scheduler" {
  project      = var.project_id
  account_id   = "${var.name}-scheduler"
  display_name = "Calls expire of ${var.name}"

  depends_on = [google_project_service.this]
}

# Who may call which function

locals {
  everybody = var.allow_unauthenticated ? ["allUsers"] : []

  invokers = {
    register   = concat(var.publishers, var.subscribers, var.admins, local.everybody)
    publish    = concat(var.publishers, var.admins, local.everybody)
    subscribe  = concat(var.subscribers, var.admins, local.everybody)
    get_events = concat(var.subscribers, var.admins, local.everybody)
    expire     = concat(var.admins, [google_service_account.scheduler.member])
  }

  # what the service knows of an admin is a verified email address
  admin_emails = [for member in var.admins : split(":", member)[1] if can(regex("^(user|serviceAccount):", member))]
}

# On the Cloud Run service: the function itself refuses run.invoker. Authoritative for this role, so that a member that
# was added by hand is not forgotten there.
resource "google_cloud_run_v2_service_iam_binding" "invokers" {
  for_each = { for name, function in local.functions : name => function if length(local.invokers[name]) > 0 }

  project  = var.project_id
  location = var.region
  name     = reverse(split("/", google_cloudfunctions2_function.this[each.key].service_config[0].service))[0]
  role     = "roles/run.invoker"
  members  = toset(local.invokers[each.key])

  lifecycle {
    # a deployment can lose what its service was bound to
    replace_triggered_by = [google_cloudfunctions2_function.this[each.key]]
  }
}
