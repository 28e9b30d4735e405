# A database, the functions, and two accounts that may use them.

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

module "pubsub" {
  source = "../.."

  project_id  = var.project_id
  region      = var.region
  publishers  = ["serviceAccount:shop@${var.project_id}.iam.gserviceaccount.com"]
  subscribers = ["serviceAccount:billing@${var.project_id}.iam.gserviceaccount.com"]
  monitoring  = { alerts = false } # they know the metrics some minutes after the first apply; then remove this
}

output "config_json" {
  description = "Save it where the programs are: terraform output -raw config_json > config.json."
  value       = module.pubsub.config_json
}
