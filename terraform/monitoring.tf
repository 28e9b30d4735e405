# What operators look at. Backlog and age come from the line that expire logs for each subscription: a consumer that is
# dead logs nothing. A log-based metric has no gauge, so they are distributions of what was logged.

locals {
  expire_service = reverse(split("/", google_cloudfunctions2_function.this["expire"].service_config[0].service))[0]
  run_services   = [for name in local.names : reverse(split("/", google_cloudfunctions2_function.this[name].service_config[0].service))[0]]
  subscription_lines = join(" AND ", [
    "resource.type=\"cloud_run_revision\"",
    "resource.labels.service_name=\"${local.expire_service}\"",
    "jsonPayload.log=\"subscription\"",
  ])
  of_services = join(" OR ", [for service in local.run_services : "resource.labels.service_name=\"${service}\""])

  subscription_metrics = {
    oldest_age = { field = "oldest_age_s", unit = "s", title = "age of the oldest unsettled event" }
    backlog    = { field = "backlog", unit = "1", title = "events not read yet" }
  }

  # doubling, and the threshold itself: a percentile is no finer than the bounds around it
  age_bounds = sort(formatlist("%09d", distinct(concat([for n in range(21) : pow(2, n)], [var.monitoring.oldest_age_s]))))
  bounds = {
    oldest_age = [for bound in local.age_bounds : tonumber(bound)]
    backlog    = [for n in range(31) : pow(2, n)]
  }
}

resource "google_logging_metric" "subscription" {
  for_each = local.subscription_metrics

  project         = var.project_id
  name            = "${var.name}/${each.key}"
  description     = "Of each subscription, at each run of expire: ${each.value.title}."
  filter          = local.subscription_lines
  value_extractor = "EXTRACT(jsonPayload.${each.value.field})"

  label_extractors = {
    subscriber = "EXTRACT(jsonPayload.subscriber)"
    topic      = "EXTRACT(jsonPayload.topic)"
  }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = each.value.unit
    display_name = "${var.name}: ${each.value.title}"

    labels {
      key         = "subscriber"
      value_type  = "STRING"
      description = "Name of the subscriber."
    }
    labels {
      key         = "topic"
      value_type  = "STRING"
      description = "Name of the topic."
    }
  }

  bucket_options {
    explicit_buckets {
      bounds = local.bounds[each.key]
    }
  }

  depends_on = [google_project_service.this]
}

locals {
  oldest_age_filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.subscription["oldest_age"].name}\" AND resource.type=\"cloud_run_revision\""
  backlog_filter    = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.subscription["backlog"].name}\" AND resource.type=\"cloud_run_revision\""
  requests_filter   = "metric.type=\"run.googleapis.com/request_count\" AND resource.type=\"cloud_run_revision\" AND (${local.of_services})"
  latency_filter    = "metric.type=\"run.googleapis.com/request_latencies\" AND resource.type=\"cloud_run_revision\" AND (${local.of_services})"
  expire_filter     = "metric.type=\"run.googleapis.com/request_count\" AND resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.expire_service}\" AND metric.labels.response_code_class=\"2xx\""
  firestore_filter  = "resource.type=\"firestore.googleapis.com/Database\" AND resource.labels.database_id=\"${local.database}\""

  charts = [
    { title = "Requests per second", filter = local.requests_filter, aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = ["resource.label.service_name"] },
    { title = "Requests per second by status", filter = local.requests_filter, aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = ["metric.label.response_code_class"] },
    { title = "Latency, 95th percentile (ms)", filter = local.latency_filter, aligner = "ALIGN_PERCENTILE_95", reducer = "REDUCE_MAX", by = ["resource.label.service_name"] },
    { title = "Age of the oldest unsettled event (s)", filter = local.oldest_age_filter, aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX", by = ["metric.label.subscriber", "metric.label.topic"] },
    { title = "Events not read yet", filter = local.backlog_filter, aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX", by = ["metric.label.subscriber", "metric.label.topic"] },
    { title = "Firestore reads per second", filter = "metric.type=\"firestore.googleapis.com/document/read_ops_count\" AND ${local.firestore_filter}", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = [] },
    { title = "Firestore writes per second", filter = "metric.type=\"firestore.googleapis.com/document/write_ops_count\" AND ${local.firestore_filter}", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = [] },
    { title = "Firestore deletes per second", filter = "metric.type=\"firestore.googleapis.com/document/delete_ops_count\" AND ${local.firestore_filter}", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = [] },
  ]
}

resource "google_monitoring_dashboard" "this" {
  count = var.monitoring.dashboard ? 1 : 0

  project = var.project_id
  dashboard_json = jsonencode({
    displayName = "pubsubclient: ${var.name}"
    mosaicLayout = {
      columns = 12
      tiles = [
        for n, chart in local.charts : {
          xPos   = n % 2 * 6
          yPos   = floor(n / 2) * 4
          width  = 6
          height = 4
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [{
                plotType = "LINE"
                timeSeriesQuery = {
                  timeSeriesFilter = {
                    filter = chart.filter
                    aggregation = {
                      alignmentPeriod    = "300s"
                      perSeriesAligner   = chart.aligner
                      crossSeriesReducer = chart.reducer
                      groupByFields      = chart.by
                    }
                  }
                }
              }]
            }
          }
        }
      ]
    }
  })

  depends_on = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "oldest_age" {
  count = var.monitoring.alerts ? 1 : 0

  project               = var.project_id
  display_name          = "${var.name}: an event waits for more than ${var.monitoring.oldest_age_s} s"
  combiner              = "OR"
  severity              = "WARNING"
  user_labels           = var.labels
  notification_channels = var.notification_channels

  conditions {
    display_name = "age of the oldest unsettled event"

    condition_threshold {
      filter          = local.oldest_age_filter
      comparison      = "COMPARISON_GT"
      threshold_value = var.monitoring.oldest_age_s
      duration        = "0s"

      aggregations {
        alignment_period     = "1200s" # two runs of expire, by default
        per_series_aligner   = "ALIGN_PERCENTILE_99"
        cross_series_reducer = "REDUCE_MAX"
        group_by_fields      = ["metric.label.subscriber", "metric.label.topic"]
      }
    }
  }

  documentation {
    content   = "A subscriber does not settle its events: its consumers are down, too slow, or fail. `GET /register?subscriber=NAME` shows its state."
    mime_type = "text/markdown"
  }
}

resource "google_monitoring_alert_policy" "expire_absent" {
  count = var.monitoring.alerts ? 1 : 0

  project               = var.project_id
  display_name          = "${var.name}: expire has not run for ${var.monitoring.expire_absent_s} s"
  combiner              = "OR"
  severity              = "WARNING"
  user_labels           = var.labels
  notification_channels = var.notification_channels

  conditions {
    display_name = "no successful request to expire"

    condition_absent {
      filter   = local.expire_filter
      duration = "${var.monitoring.expire_absent_s}s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_COUNT"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content   = "Old events are kept, and cost; the age of subscriptions is not reported either. Look at the scheduler's job and at the function's log."
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "errors" {
  count = var.monitoring.alerts ? 1 : 0

  project               = var.project_id
  display_name          = "${var.name}: more than ${var.monitoring.error_rate * 100} % of the requests fail"
  combiner              = "OR"
  severity              = "ERROR"
  user_labels           = var.labels
  notification_channels = var.notification_channels

  conditions {
    display_name = "share of 5xx"

    condition_threshold {
      filter             = "${local.requests_filter} AND metric.labels.response_code_class=\"5xx\""
      denominator_filter = local.requests_filter
      comparison         = "COMPARISON_GT"
      threshold_value    = var.monitoring.error_rate
      duration           = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }

      denominator_aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }

  documentation {
    content   = "Clients try again by themselves, so nothing is lost yet. The functions' logs name the code of each refusal."
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.this]
}
