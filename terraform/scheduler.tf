resource "google_cloud_scheduler_job" "expire" {
  project          = var.project_id
  region           = var.region
  name             = "${var.name}-expire"
  description      = "Deletes what topics no longer keep, and reports how far subscribers are."
  schedule         = var.expire_schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "${max(15, local.functions.expire.timeout_s)}s"

  retry_config {
    retry_count          = 2
    min_backoff_duration = "10s"
    max_backoff_duration = "60s"
  }

  http_target {
    http_method = "POST"
    uri         = google_cloudfunctions2_function.this["expire"].service_config[0].uri
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode("{}")

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = google_cloudfunctions2_function.this["expire"].service_config[0].uri
    }
  }

  depends_on = [google_project_service.this]
}
