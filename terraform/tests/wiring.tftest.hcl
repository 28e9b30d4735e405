# What refers to what: each account and function has a name of its own here, so that a mix-up shows.

mock_provider "google" {
  mock_resource "google_cloudfunctions2_function" {
    defaults = {
      service_config = {
        uri     = "https://other-1234567890.europe-west1.run.app"
        service = "projects/shop-123/locations/europe-west1/services/other"
      }
    }
  }

  override_resource {
    target = google_cloudfunctions2_function.this["expire"]
    values = {
      service_config = {
        uri     = "https://expire-1234567890.europe-west1.run.app"
        service = "projects/shop-123/locations/europe-west1/services/expire"
      }
    }
  }

  override_resource {
    target = google_service_account.build
    values = {
      id     = "projects/shop-123/serviceAccounts/build"
      email  = "build@shop-123.iam.gserviceaccount.com"
      member = "serviceAccount:build@shop-123.iam.gserviceaccount.com"
    }
  }

  override_resource {
    target = google_service_account.runtime
    values = {
      id     = "projects/shop-123/serviceAccounts/runtime"
      email  = "runtime@shop-123.iam.gserviceaccount.com"
      member = "serviceAccount:runtime@shop-123.iam.gserviceaccount.com"
    }
  }

  override_resource {
    target = google_service_account.scheduler
    values = {
      id     = "projects/shop-123/serviceAccounts/scheduler"
      email  = "scheduler@shop-123.iam.gserviceaccount.com"
      member = "serviceAccount:scheduler@shop-123.iam.gserviceaccount.com"
    }
  }

  override_resource {
    target = google_artifact_registry_repository.images
    values = {
      id   = "projects/shop-123/locations/europe-west1/repositories/pubsub-functions"
      name = "pubsub-functions"
    }
  }
}

mock_provider "archive" {}

mock_provider "time" {}

variables {
  project_id = "shop-123"
  region     = "europe-west1"
}

run "each_account_does_its_own_work" {
  command = apply

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.service_config[0].service_account_email == "runtime@shop-123.iam.gserviceaccount.com"])
    error_message = "Functions run as the account that may use the database."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.build_config[0].service_account == "projects/shop-123/serviceAccounts/build"])
    error_message = "Builds run as the account that may write images, named by its id."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.build_config[0].docker_repository == "projects/shop-123/locations/europe-west1/repositories/pubsub-functions"])
    error_message = "Images go to the module's repository, named by its id."
  }

  assert {
    condition     = google_project_iam_member.runtime.member == "serviceAccount:runtime@shop-123.iam.gserviceaccount.com"
    error_message = "The functions' account uses the database."
  }

  assert {
    condition     = toset([google_project_iam_member.build_logs.member, google_project_iam_member.build_sources.member, google_storage_bucket_iam_member.build.member, google_artifact_registry_repository_iam_member.build.member]) == toset(["serviceAccount:build@shop-123.iam.gserviceaccount.com"])
    error_message = "The build's account reads the source, writes images and logs."
  }

  assert {
    condition     = google_artifact_registry_repository_iam_member.build.repository == "pubsub-functions" && google_storage_bucket_iam_member.build.bucket == "shop-123-pubsub-source"
    error_message = "Of the module's own repository and bucket."
  }

  assert {
    condition     = output.service_accounts == { build = "build@shop-123.iam.gserviceaccount.com", runtime = "runtime@shop-123.iam.gserviceaccount.com", scheduler = "scheduler@shop-123.iam.gserviceaccount.com" }
    error_message = "The outputs name them."
  }
}

run "the_scheduler_calls_expire_as_itself" {
  command = apply

  assert {
    condition     = google_cloud_scheduler_job.expire.http_target[0].uri == "https://expire-1234567890.europe-west1.run.app" && google_cloud_scheduler_job.expire.http_target[0].oidc_token[0].audience == "https://expire-1234567890.europe-west1.run.app"
    error_message = "expire is what it calls, on its run.app URL, and what its token is made out to."
  }

  assert {
    condition     = google_cloud_scheduler_job.expire.http_target[0].oidc_token[0].service_account_email == "scheduler@shop-123.iam.gserviceaccount.com"
    error_message = "As the account that is bound to expire."
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers["expire"].name == "expire" && google_cloud_run_v2_service_iam_binding.invokers["expire"].members == toset(["serviceAccount:scheduler@shop-123.iam.gserviceaccount.com"])
    error_message = "Which it is."
  }

  assert {
    condition     = google_cloud_scheduler_job.expire.time_zone == "Etc/UTC" && google_cloud_scheduler_job.expire.schedule == "*/10 * * * *"
    error_message = "Every ten minutes."
  }

  assert {
    condition     = google_cloud_scheduler_job.expire.http_target[0].headers["Content-Type"] == "application/json"
    error_message = "With JSON."
  }
}

run "metrics_are_of_the_lines_that_expire_logs" {
  command = apply

  assert {
    condition     = alltrue([for m in google_logging_metric.subscription : m.filter == "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"expire\" AND jsonPayload.log=\"subscription\""])
    error_message = "One line for each subscription, of expire's service."
  }

  assert {
    condition     = google_logging_metric.subscription["oldest_age"].value_extractor == "EXTRACT(jsonPayload.oldest_age_s)" && google_logging_metric.subscription["backlog"].value_extractor == "EXTRACT(jsonPayload.backlog)"
    error_message = "The fields as the service writes them."
  }

  assert {
    condition     = alltrue([for m in google_logging_metric.subscription : m.label_extractors == tomap({ subscriber = "EXTRACT(jsonPayload.subscriber)", topic = "EXTRACT(jsonPayload.topic)" }) && toset(m.metric_descriptor[0].labels[*].key) == toset(["subscriber", "topic"])])
    error_message = "By subscriber and topic, each label declared."
  }

  assert {
    condition     = strcontains(google_monitoring_alert_policy.oldest_age[0].conditions[0].condition_threshold[0].filter, "\"logging.googleapis.com/user/pubsub/oldest_age\"") && google_monitoring_alert_policy.oldest_age[0].conditions[0].condition_threshold[0].aggregations[0].per_series_aligner == "ALIGN_PERCENTILE_99" && google_monitoring_alert_policy.oldest_age[0].conditions[0].condition_threshold[0].threshold_value == 3600
    error_message = "The alert is on the 99th percentile of the age."
  }

  assert {
    condition     = strcontains(google_monitoring_alert_policy.expire_absent[0].conditions[0].condition_absent[0].filter, "resource.labels.service_name=\"expire\" AND metric.labels.response_code_class=\"2xx\"")
    error_message = "An expire that fails is as absent as one that has stopped."
  }

  assert {
    condition     = strcontains(google_monitoring_alert_policy.errors[0].conditions[0].condition_threshold[0].filter, "response_code_class=\"5xx\"") && !strcontains(google_monitoring_alert_policy.errors[0].conditions[0].condition_threshold[0].denominator_filter, "response_code_class") && google_monitoring_alert_policy.errors[0].conditions[0].condition_threshold[0].threshold_value == 0.05
    error_message = "Failures, as a share of all requests."
  }

  assert {
    condition     = length(jsondecode(google_monitoring_dashboard.this[0].dashboard_json).mosaicLayout.tiles) == 8
    error_message = "Requests, status, latency, age, backlog, reads, writes and deletes."
  }
}

run "all_is_made_in_the_one_project_with_its_labels" {
  command = apply

  variables {
    labels     = { team = "platform" }
    ingress    = "ALLOW_INTERNAL_ONLY"
    vpc_egress = { connector = "projects/shop-123/locations/europe-west1/connectors/shared", egress = "ALL_TRAFFIC" }
    functions  = { publish = { min_instances = 1, max_instances = 7, timeout_s = 90 } }

    build_worker_pool = "projects/shop-123/locations/europe-west1/workerPools/own"
  }

  assert {
    condition = toset(flatten([
      [for r in google_project_service.this : r.project],
      [for r in google_cloudfunctions2_function.this : r.project],
      [for r in google_cloud_run_v2_service_iam_binding.invokers : r.project],
      [for r in google_firestore_field.unindexed : r.project],
      [for r in google_logging_metric.subscription : r.project],
      [google_storage_bucket.source.project, google_artifact_registry_repository.images.project],
      [google_firestore_database.this[0].project, google_cloud_scheduler_job.expire.project],
      [google_service_account.build.project, google_service_account.runtime.project, google_service_account.scheduler.project],
      [google_project_iam_member.build_logs.project, google_project_iam_member.build_sources.project, google_project_iam_member.runtime.project],
      [google_artifact_registry_repository_iam_member.build.project, google_monitoring_dashboard.this[0].project],
      [google_monitoring_alert_policy.oldest_age[0].project, google_monitoring_alert_policy.errors[0].project, google_monitoring_alert_policy.expire_absent[0].project],
    ])) == toset(["shop-123"])
    error_message = "Not in the provider's project."
  }

  assert {
    condition = toset(concat(
      [for r in google_cloudfunctions2_function.this : r.location],
      [for r in google_cloud_run_v2_service_iam_binding.invokers : r.location],
      [google_artifact_registry_repository.images.location, google_artifact_registry_repository_iam_member.build.location],
      [google_storage_bucket.source.location, google_cloud_scheduler_job.expire.region],
    )) == toset(["europe-west1"])
    error_message = "And in one region."
  }

  assert {
    condition = alltrue(concat(
      [for r in google_cloudfunctions2_function.this : r.labels == tomap({ team = "platform" })],
      [for r in [google_storage_bucket.source.labels, google_artifact_registry_repository.images.labels] : r == tomap({ team = "platform" })],
      [for r in [google_monitoring_alert_policy.oldest_age[0].user_labels, google_monitoring_alert_policy.errors[0].user_labels, google_monitoring_alert_policy.expire_absent[0].user_labels] : r == tomap({ team = "platform" })],
    ))
    error_message = "Labels are on everything that takes some."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY" && f.service_config[0].vpc_connector == var.vpc_egress.connector && f.service_config[0].vpc_connector_egress_settings == "ALL_TRAFFIC" && f.build_config[0].worker_pool == var.build_worker_pool])
    error_message = "The network is as asked for, of requests and of builds."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["publish"].service_config[0].min_instance_count == 1 && google_cloudfunctions2_function.this["publish"].service_config[0].max_instance_count == 7 && google_cloudfunctions2_function.this["publish"].service_config[0].timeout_seconds == 90
    error_message = "So are instances and time."
  }
}

run "apis_are_those_that_are_used_and_stay_enabled" {
  command = plan

  assert {
    condition = toset([for api in google_project_service.this : trimsuffix(api.service, ".googleapis.com")]) == toset([
      "artifactregistry", "cloudbuild", "cloudfunctions", "cloudscheduler", "firestore", "iam", "iamcredentials", "logging", "monitoring", "run", "storage",
    ])
    error_message = "One for each service of the resources, and of their builds and tokens."
  }

  assert {
    condition     = alltrue([for api in google_project_service.this : !api.disable_on_destroy])
    error_message = "Others in the project may use them."
  }

  assert {
    condition     = { for p in google_artifact_registry_repository.images.cleanup_policies : p.action => try(p.condition[0].older_than, p.most_recent_versions[0].keep_count) } == { KEEP = 3, DELETE = "2592000s" }
    error_message = "Old images go after 30 days, the newest three stay."
  }
}

run "apis_can_be_left_to_others" {
  command = plan

  variables {
    enable_apis = false
  }

  assert {
    condition     = length(google_project_service.this) == 0
    error_message = "None is enabled here."
  }
}
