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

run "nobody_may_call_by_default" {
  command = plan

  assert {
    condition     = toset(keys(google_cloud_run_v2_service_iam_binding.invokers)) == toset(["expire"])
    error_message = "Only expire has a caller: the scheduler."
  }
}

run "members_are_bound_to_the_functions_of_their_part" {
  command = plan

  variables {
    publishers  = ["serviceAccount:shop@shop-123.iam.gserviceaccount.com"]
    subscribers = ["serviceAccount:billing@shop-123.iam.gserviceaccount.com"]
    admins      = ["group:ops@example.com"]
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers["register"].members == toset(["serviceAccount:shop@shop-123.iam.gserviceaccount.com", "serviceAccount:billing@shop-123.iam.gserviceaccount.com", "group:ops@example.com"])
    error_message = "Both register."
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers["publish"].members == toset(["serviceAccount:shop@shop-123.iam.gserviceaccount.com", "group:ops@example.com"])
    error_message = "Publishers publish."
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers["subscribe"].members == toset(["serviceAccount:billing@shop-123.iam.gserviceaccount.com", "group:ops@example.com"])
    error_message = "Subscribers subscribe."
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers["get_events"].members == google_cloud_run_v2_service_iam_binding.invokers["subscribe"].members
    error_message = "And get events."
  }

  assert {
    condition     = alltrue([for b in google_cloud_run_v2_service_iam_binding.invokers : b.role == "roles/run.invoker"])
    error_message = "On the Cloud Run service."
  }
}

run "one_member_in_two_parts_is_bound_once" {
  command = plan

  variables {
    publishers  = ["user:a@example.com"]
    subscribers = ["user:a@example.com"]
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers["register"].members == toset(["user:a@example.com"])
    error_message = "A set."
  }
}

run "the_scheduler_calls_expire" {
  command = apply

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers["expire"].members == toset([google_service_account.scheduler.member])
    error_message = "And nobody else."
  }
}

run "the_public_only_when_asked_for" {
  command = apply

  variables {
    allow_unauthenticated = true
  }

  assert {
    condition     = alltrue([for name in ["register", "publish", "subscribe", "get_events"] : contains(google_cloud_run_v2_service_iam_binding.invokers[name].members, "allUsers")])
    error_message = "Whoever asks for it gets it."
  }

  assert {
    condition     = length(setintersection(google_cloud_run_v2_service_iam_binding.invokers["expire"].members, ["allUsers", "allAuthenticatedUsers"])) == 0
    error_message = "Retention is never anybody's."
  }
}

run "no_public_access_unless_asked_for" {
  command = apply

  variables {
    publishers  = ["user:a@example.com"]
    subscribers = ["user:a@example.com"]
    admins      = ["user:b@example.com"]
  }

  assert {
    condition     = alltrue([for b in google_cloud_run_v2_service_iam_binding.invokers : length(setintersection(b.members, ["allUsers", "allAuthenticatedUsers"])) == 0])
    error_message = "Nobody on the internet."
  }

  assert {
    condition     = google_storage_bucket.source.public_access_prevention == "enforced" && google_storage_bucket.source.uniform_bucket_level_access
    error_message = "Nor to the source."
  }
}

run "accounts_have_what_they_need_and_no_more" {
  command = plan

  assert {
    condition     = google_project_iam_member.runtime.role == "roles/datastore.user" && google_project_iam_member.runtime.condition[0].expression == "resource.name == \"projects/shop-123/databases/pubsub\""
    error_message = "The functions use one database."
  }

  assert {
    condition     = google_project_iam_member.build_logs.role == "roles/logging.logWriter" && google_storage_bucket_iam_member.build.role == "roles/storage.objectViewer" && google_artifact_registry_repository_iam_member.build.role == "roles/artifactregistry.writer"
    error_message = "The build reads source, writes images and logs."
  }

  assert {
    condition     = google_project_iam_member.build_sources.role == "roles/storage.objectViewer" && one(google_project_iam_member.build_sources.condition[*].expression) == "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\") || resource.name.startsWith(\"projects/_/buckets/gcf-v2-uploads-\")"
    error_message = "The build reads the copy of the source that Cloud Functions makes, and no other bucket."
  }
}

run "what_is_granted_is_given_time" {
  command = apply

  assert {
    condition     = time_sleep.iam.create_duration == "120s"
    error_message = "IAM takes about two minutes."
  }

  assert {
    condition     = length(distinct(values(time_sleep.iam.triggers))) == 5
    error_message = "A grant that is made anew is waited for again."
  }
}

run "the_conditions_can_be_switched_off" {
  command = plan

  variables {
    restrict_build_access    = false
    restrict_database_access = false
  }

  assert {
    condition     = length(google_project_iam_member.runtime.condition) == 0
    error_message = "Should Firestore not take it."
  }

  assert {
    condition     = length(google_project_iam_member.build_sources.condition) == 0
    error_message = "Should Cloud Storage not take it."
  }
}

