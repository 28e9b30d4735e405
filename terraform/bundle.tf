# What is deployed: the folder functions/ as it is, under a name that changes with what is in it.

locals {
  source_dir = "${path.module}/../functions"

  # what Python leaves behind is no source: it would change the hash with every test
  source_files = sort([
    for file in fileset(local.source_dir, "**") : file
    if !can(regex("(^|/)(__pycache__/|\\.)|\\.pyc$", file))
  ])
  source_hash = sha256(join("", [for file in local.source_files : "${file}\n${filesha256("${local.source_dir}/${file}")}\n"]))
}

data "archive_file" "source" {
  type             = "zip"
  output_path      = "${path.root}/.terraform/${var.name}-functions-${local.source_hash}.zip"
  output_file_mode = "0644" # the same zip whoever makes it

  # the very files of the hash; their contents stay out of Terraform, whose plans they would slow down
  source_dir = local.source_dir
  excludes   = setsubtract(fileset(local.source_dir, "**"), local.source_files)
}

resource "google_storage_bucket" "source" {
  project                     = var.project_id
  name                        = "${var.project_id}-${var.name}-source"
  location                    = var.region
  labels                      = var.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # it holds nothing that this folder does not

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      num_newer_versions = 5
      with_state         = "ARCHIVED"
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key_name == null ? [] : [var.kms_key_name]
    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_storage_bucket_object" "source" {
  bucket = google_storage_bucket.source.name
  name   = "functions-${local.source_hash}.zip"
  source = data.archive_file.source.output_path
}

resource "google_artifact_registry_repository" "images" {
  project       = var.project_id
  location      = var.region
  repository_id = "${var.name}-functions"
  description   = "Images of the functions of ${var.name}, made by their builds."
  format        = "DOCKER"
  labels        = var.labels
  kms_key_name  = var.kms_key_name

  cleanup_policies {
    id     = "keep-the-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 3
    }
  }

  cleanup_policies {
    id     = "delete-old-ones"
    action = "DELETE"
    condition {
      older_than = "2592000s" # 30 days
    }
  }

  depends_on = [google_project_service.this]
}
