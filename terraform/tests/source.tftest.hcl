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

run "the_source_is_named_by_its_content" {
  command = plan

  assert {
    condition     = can(regex("^functions-[0-9a-f]{64}\\.zip$", google_storage_bucket_object.source.name))
    error_message = "Another source is another object."
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.build_config[0].source[0].storage_source[0].object == google_storage_bucket_object.source.name])
    error_message = "And a new object updates every function."
  }

  assert {
    condition     = contains(local.source_files, "main.py") && contains(local.source_files, "requirements.txt") && contains(local.source_files, "pubsubservice/main.py")
    error_message = "The folder as it is."
  }

  assert {
    condition     = !contains(local.source_files, "pyproject.toml") && length([for f in local.source_files : f if can(regex("__pycache__|\\.pyc$", f))]) == 0
    error_message = "No pyproject.toml, which the buildpack would read, and nothing that Python leaves behind."
  }
}

run "two_deployments_in_one_project_do_not_collide" {
  command = plan

  variables {
    name            = "events"
    function_prefix = "events-"
  }

  assert {
    condition     = alltrue([for name, f in google_cloudfunctions2_function.this : f.name == "events-${name}" && f.build_config[0].entry_point == name])
    error_message = "Functions of their own."
  }

  assert {
    condition     = google_storage_bucket.source.name == "shop-123-events-source" && google_artifact_registry_repository.images.repository_id == "events-functions"
    error_message = "A bucket and a repository of their own."
  }

  assert {
    condition     = toset([google_service_account.build.account_id, google_service_account.runtime.account_id, google_service_account.scheduler.account_id]) == toset(["events-build", "events-functions", "events-scheduler"])
    error_message = "Accounts of their own."
  }

  assert {
    condition     = google_cloud_scheduler_job.expire.name == "events-expire" && alltrue([for m in google_logging_metric.subscription : startswith(m.name, "events/")])
    error_message = "A job and metrics of their own."
  }

  assert {
    condition     = output.base_url == null
    error_message = "There is no base URL to which the wire's names could be added."
  }
}

run "with_a_prefix_the_sdk_gets_each_url" {
  command = apply

  variables {
    name            = "events"
    function_prefix = "events-"
  }

  assert {
    condition     = jsondecode(output.config_json).PUBLISH_SUBSCRIBE_SERVICE.get_events == "https://europe-west1-shop-123.cloudfunctions.net/events-get_events"
    error_message = "One URL per function."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["publish"].service_config[0].environment_variables["PUBSUB_AUDIENCES"] == jsondecode(output.config_json).audiences.identity
    error_message = "And the audience that the service takes."
  }
}

run "the_longest_names_fit" {
  command = plan

  variables {
    project_id = "a23456789012345678901234567890"
    name       = "a234567890123456"
  }

  assert {
    condition     = alltrue([for a in [google_service_account.build, google_service_account.runtime, google_service_account.scheduler] : length(a.account_id) <= 30])
    error_message = "An account's name has at most 30 characters."
  }

  assert {
    condition     = length(google_storage_bucket.source.name) <= 63
    error_message = "A bucket's 63."
  }
}

