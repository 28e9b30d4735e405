mock_provider "google" {
  mock_resource "google_cloudfunctions2_function" {
    defaults = {
      service_config = {
        uri     = "https://function-1234567890.europe-west1.run.app"
        service = "projects/shop-123/locations/europe-west1/services/function"
      }
    }
  }
  mock_resource "google_service_account" {
    defaults = {
      email  = "account@shop-123.iam.gserviceaccount.com"
      member = "serviceAccount:account@shop-123.iam.gserviceaccount.com"
    }
  }
}

mock_provider "archive" {}

mock_provider "time" {}

variables {
  project_id = "shop-123"
  region     = "europe-west1"
}

run "all_functions_with_their_defaults" {
  command = plan

  assert {
    condition     = toset(keys(google_cloudfunctions2_function.this)) == toset(["register", "publish", "subscribe", "get_events", "expire"])
    error_message = "One function for each call of the wire."
  }

  assert {
    condition     = alltrue([for name, f in google_cloudfunctions2_function.this : f.name == name && f.build_config[0].entry_point == name])
    error_message = "Without a prefix a function is called what the wire calls it."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.service_config[0].environment_variables["THREADS"] == tostring(f.service_config[0].max_instance_request_concurrency)])
    error_message = "THREADS is the concurrency, or the framework serves four requests at once."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.service_config[0].max_instance_request_concurrency == 1 || tonumber(f.service_config[0].available_cpu) >= 1])
    error_message = "Concurrency needs a whole CPU."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["get_events"].service_config[0].timeout_seconds > 20
    error_message = "get_events may wait for 20 seconds."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.service_config[0].ingress_settings == "ALLOW_ALL" && f.service_config[0].all_traffic_on_latest_revision])
    error_message = "Open to the internet, which IAM guards, and never split between revisions."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.build_config[0].runtime == "python312"])
    error_message = "The default Python."
  }

  assert {
    condition     = output.base_url == "https://europe-west1-shop-123.cloudfunctions.net"
    error_message = "One base URL, known before anything is made."
  }
}

run "the_service_is_told_who_to_believe" {
  command = plan

  variables {
    admins = ["user:root@example.com", "serviceAccount:ops@shop-123.iam.gserviceaccount.com", "group:ops@example.com"]
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.service_config[0].environment_variables["PUBSUB_IDENTITY"] == "on"])
    error_message = "Names belong to who registers them, by default."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["publish"].service_config[0].environment_variables["PUBSUB_AUDIENCES"] == output.base_url
    error_message = "Tokens for the service are made out to its base URL."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["publish"].service_config[0].environment_variables["PUBSUB_ADMINS"] == "root@example.com,ops@shop-123.iam.gserviceaccount.com"
    error_message = "Admins by verified address; a group has none."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["publish"].service_config[0].environment_variables["PUBSUB_DATABASE"] == "pubsub"
    error_message = "The database of the module."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.service_config[0].environment_variables["MALLOC_ARENA_MAX"] == "1"])
    error_message = "Threads share one arena: what large requests needed is used again by all."
  }
}

run "identity_can_be_off" {
  command = plan

  variables {
    identity = false
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.service_config[0].environment_variables["PUBSUB_IDENTITY"] == "off"])
    error_message = "Nobody is told apart."
  }
}

run "settings_of_one_function" {
  command = plan

  variables {
    functions = { publish = { available_cpu = "2", concurrency = 200, min_instances = 1 } }
  }

  assert {
    condition     = google_cloudfunctions2_function.this["publish"].service_config[0].available_cpu == "2" && google_cloudfunctions2_function.this["publish"].service_config[0].environment_variables["THREADS"] == "200"
    error_message = "What is given counts."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["publish"].service_config[0].available_memory == "512Mi"
    error_message = "What is not given stays."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["register"].service_config[0].available_cpu == "1" && google_cloudfunctions2_function.this["register"].service_config[0].min_instance_count == 0
    error_message = "The others stay."
  }
}

run "retention_runs_by_schedule" {
  command = plan

  assert {
    condition     = google_cloud_scheduler_job.expire.http_target[0].http_method == "POST" && base64decode(google_cloud_scheduler_job.expire.http_target[0].body) == "{}"
    error_message = "The request that expire takes."
  }

  assert {
    condition     = tonumber(trimsuffix(google_cloud_scheduler_job.expire.attempt_deadline, "s")) >= google_cloudfunctions2_function.this["expire"].service_config[0].timeout_seconds
    error_message = "The scheduler waits as long as the function runs."
  }

  assert {
    condition     = google_cloud_scheduler_job.expire.retry_config[0].retry_count > 0
    error_message = "A failed run is tried again."
  }
}

run "the_sdk_can_be_told_at_once" {
  command = apply

  assert {
    condition     = jsondecode(output.config_json).PUBLISH_SUBSCRIBE_SERVICE == "https://europe-west1-shop-123.cloudfunctions.net"
    error_message = "The base URL."
  }

  assert {
    condition     = toset(keys(jsondecode(output.config_json).audiences)) == toset(["register", "publish", "subscribe", "get_events", "identity"])
    error_message = "An audience for each function that the SDK calls, and one for the service itself."
  }

  assert {
    condition     = jsondecode(output.config_json).audiences.identity == output.base_url
    error_message = "The audience that the service takes."
  }

  assert {
    condition     = google_cloud_scheduler_job.expire.http_target[0].oidc_token[0].audience == google_cloud_scheduler_job.expire.http_target[0].uri
    error_message = "The scheduler's token is made out to the function that it calls."
  }
}

run "monitoring" {
  command = plan

  variables {
    monitoring            = { oldest_age_s = 900 }
    notification_channels = ["projects/shop-123/notificationChannels/1"]
  }

  assert {
    condition     = contains(google_logging_metric.subscription["oldest_age"].bucket_options[0].explicit_buckets[0].bounds, 900)
    error_message = "A bound of the buckets is the threshold."
  }

  assert {
    condition     = alltrue([for m in google_logging_metric.subscription : m.metric_descriptor[0].metric_kind == "DELTA" && m.metric_descriptor[0].value_type == "DISTRIBUTION" && m.value_extractor != null])
    error_message = "Log-based metrics have no gauge."
  }

  assert {
    condition     = google_monitoring_alert_policy.oldest_age[0].conditions[0].condition_threshold[0].aggregations[0].cross_series_reducer == "REDUCE_MAX"
    error_message = "The worst subscription counts."
  }

  assert {
    condition     = google_monitoring_alert_policy.expire_absent[0].conditions[0].condition_absent[0].duration == "3600s"
    error_message = "An expire that has stopped is noticed."
  }

  assert {
    condition     = google_monitoring_alert_policy.errors[0].notification_channels == tolist(["projects/shop-123/notificationChannels/1"])
    error_message = "Alerts go to the channels."
  }

  assert {
    condition     = google_monitoring_alert_policy.errors[0].combiner == "OR" && google_monitoring_alert_policy.oldest_age[0].conditions[0].condition_threshold[0].comparison == "COMPARISON_GT"
    error_message = "Thresholds are passed upwards."
  }

  assert {
    condition     = length(google_monitoring_dashboard.this) == 1
    error_message = "There is a dashboard."
  }
}

run "alerts_and_the_dashboard_can_be_left_out" {
  command = plan

  variables {
    monitoring = { alerts = false, dashboard = false }
  }

  assert {
    condition     = length(google_monitoring_alert_policy.errors) + length(google_monitoring_alert_policy.oldest_age) + length(google_monitoring_alert_policy.expire_absent) + length(google_monitoring_dashboard.this) == 0
    error_message = "For the first apply, when the metrics are new."
  }
}

