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

run "a_database_of_its_own" {
  command = plan

  assert {
    condition     = google_firestore_database.this[0].name == "pubsub" && google_firestore_database.this[0].location_id == "europe-west1" && google_firestore_database.this[0].type == "FIRESTORE_NATIVE"
    error_message = "In native mode, beside the functions."
  }

  assert {
    condition     = google_firestore_database.this[0].database_edition == "STANDARD"
    error_message = "Enterprise refuses the configuration of indexes."
  }

  assert {
    condition     = google_firestore_database.this[0].delete_protection_state == "DELETE_PROTECTION_ENABLED" && google_firestore_database.this[0].deletion_policy == "ABANDON"
    error_message = "Events are not deleted by mistake."
  }

  assert {
    condition     = toset([for f in google_firestore_field.unindexed : f.collection]) == toset(["topics", "logs", "batches", "subscribers", "publishers", "registry", "system"])
    error_message = "Nothing is indexed."
  }

  assert {
    condition     = alltrue([for f in google_firestore_field.unindexed : f.field == "*" && length(f.index_config) == 1 && length(f.index_config[0].indexes) == 0 && length(f.ttl_config) == 0])
    error_message = "No index, and no time-to-live, which deletes in no order."
  }

  assert {
    condition     = length(google_firestore_backup_schedule.this) == 0
    error_message = "No backups unless asked for."
  }
}

run "an_existing_database" {
  command = plan

  variables {
    database = { id = "(default)", create = false }
  }

  assert {
    condition     = length(google_firestore_database.this) == 0
    error_message = "It is not made."
  }

  assert {
    condition     = google_cloudfunctions2_function.this["publish"].service_config[0].environment_variables["PUBSUB_DATABASE"] == "(default)"
    error_message = "But used."
  }

  assert {
    condition     = alltrue([for f in google_firestore_field.unindexed : f.database == "(default)"])
    error_message = "And its indexes are switched off."
  }
}

run "protection_is_the_users_to_lift" {
  command = plan

  variables {
    database        = { delete_protection = false, point_in_time_recovery = true, location = "eur3" }
    deletion_policy = "DELETE"
  }

  assert {
    condition     = google_firestore_database.this[0].delete_protection_state == "DELETE_PROTECTION_DISABLED" && google_firestore_database.this[0].deletion_policy == "DELETE"
    error_message = "As asked for."
  }

  assert {
    condition     = google_firestore_database.this[0].point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED" && google_firestore_database.this[0].location_id == "eur3"
    error_message = "As asked for."
  }
}

run "backups" {
  command = plan

  variables {
    backup = { recurrence = "weekly", retention_days = 28, day = "MONDAY" }
  }

  assert {
    condition     = google_firestore_backup_schedule.this[0].retention == "2419200s" && google_firestore_backup_schedule.this[0].weekly_recurrence[0].day == "MONDAY" && length(google_firestore_backup_schedule.this[0].daily_recurrence) == 0
    error_message = "Each Monday, for four weeks."
  }
}

run "keys" {
  command = plan

  variables {
    kms_key_name = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
    database     = { kms_key_name = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/d" }
  }

  assert {
    condition     = alltrue([for f in google_cloudfunctions2_function.this : f.kms_key_name == var.kms_key_name]) && google_artifact_registry_repository.images.kms_key_name == var.kms_key_name && google_storage_bucket.source.encryption[0].default_kms_key_name == var.kms_key_name
    error_message = "One key for the functions, their source and images."
  }

  assert {
    condition     = google_firestore_database.this[0].cmek_config[0].kms_key_name == var.database.kms_key_name
    error_message = "One for the database."
  }
}

