resource "google_firestore_database" "this" {
  count = var.database.create ? 1 : 0

  project                           = var.project_id
  name                              = var.database.id
  location_id                       = coalesce(var.database.location, var.region)
  type                              = "FIRESTORE_NATIVE"
  database_edition                  = "STANDARD" # Enterprise refuses the configuration of indexes, and is billed by bytes
  concurrency_mode                  = "OPTIMISTIC"
  app_engine_integration_mode       = "DISABLED"
  point_in_time_recovery_enablement = var.database.point_in_time_recovery ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"
  delete_protection_state           = var.database.delete_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.deletion_policy

  dynamic "cmek_config" {
    for_each = var.database.kms_key_name == null ? [] : [var.database.kms_key_name]
    content {
      kms_key_name = cmek_config.value
    }
  }

  depends_on = [google_project_service.this]
}

locals {
  # either way a reference, so that what needs the database waits for it
  database = var.database.create ? google_firestore_database.this[0].name : var.database.id

  # every kind of collection that the service writes to; nothing is ever queried by a field
  collection_groups = toset(["topics", "logs", "batches", "subscribers", "publishers", "registry", "system"])
}

# An index entry for each field would be written with every batch, and ids that count are a hotspot of an index.
# No time-to-live: it would delete batches in no order; retention is the service's.
resource "google_firestore_field" "unindexed" {
  for_each = var.database.index_exemptions ? local.collection_groups : toset([])

  project    = var.project_id
  database   = local.database
  collection = each.key
  field      = "*"

  index_config {}
}

resource "google_firestore_backup_schedule" "this" {
  count = var.backup == null ? 0 : 1

  project   = var.project_id
  database  = local.database
  retention = "${var.backup.retention_days * 86400}s"

  dynamic "daily_recurrence" {
    for_each = var.backup.recurrence == "daily" ? [1] : []
    content {}
  }

  dynamic "weekly_recurrence" {
    for_each = var.backup.recurrence == "weekly" ? [1] : []
    content {
      day = var.backup.day
    }
  }
}
