# Everything that can be said, once.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8.0"
    }
  }
}

provider "google" {
  project = var.project_id
  region  = var.region
}

variable "project_id" {
  description = "Project that everything is created in."
  type        = string
}

variable "region" {
  description = "Region of the functions."
  type        = string
  default     = "europe-west1"
}

variable "operators_email" {
  description = "Where alerts go."
  type        = string
}

resource "google_monitoring_notification_channel" "operators" {
  project      = var.project_id
  display_name = "Operators"
  type         = "email"
  labels       = { email_address = var.operators_email }
}

module "pubsub" {
  source = "../.."

  project_id      = var.project_id
  region          = var.region
  name            = "events"
  function_prefix = "events-"
  labels          = { team = "platform" }
  deletion_policy = "DELETE"

  database = {
    id                     = "events"
    location               = "eur3"
    delete_protection      = true
    point_in_time_recovery = true
  }
  backup = {
    recurrence     = "weekly"
    retention_days = 28
  }

  runtime = "python313"
  functions = {
    publish    = { available_cpu = "2", available_memory = "1Gi", concurrency = 200, min_instances = 1 }
    get_events = { min_instances = 1, max_instances = 50, timeout_s = 120 }
    expire     = { timeout_s = 900 }
  }
  ingress    = "ALLOW_INTERNAL_AND_GCLB"
  vpc_egress = { connector = "projects/${var.project_id}/locations/${var.region}/connectors/shared" }

  publishers  = ["serviceAccount:shop@${var.project_id}.iam.gserviceaccount.com"]
  subscribers = ["serviceAccount:billing@${var.project_id}.iam.gserviceaccount.com", "group:analysts@example.com"]
  admins      = ["user:root@example.com"]

  expire_schedule = "*/5 * * * *"
  monitoring = {
    oldest_age_s    = 900
    error_rate      = 0.01
    expire_absent_s = 1800
  }
  notification_channels = [google_monitoring_notification_channel.operators.name]
}

output "config_json" {
  description = "Save it where the programs are: terraform output -raw config_json > config.json."
  value       = module.pubsub.config_json
}

output "service_accounts" {
  description = "The accounts that were made."
  value       = module.pubsub.service_accounts
}
