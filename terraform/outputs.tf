output "base_url" {
  description = "The service's base URL: function names follow it. Null with a function prefix."
  value       = var.function_prefix == "" ? local.base_url : null
}

output "config_json" {
  description = "The content of a config.json for the SDK: terraform output -raw config_json > config.json."
  value       = jsonencode(merge(local.service, local.callers))
}

output "function_urls" {
  description = "Each function's URL on cloudfunctions.net."
  value       = { for name in local.names : name => "${local.base_url}/${local.functions[name].function}" }
}

output "run_urls" {
  description = "Each function's URL on run.app: the audience of tokens for Cloud Run."
  value       = { for name in local.names : name => google_cloudfunctions2_function.this[name].service_config[0].uri }
}

output "database" {
  description = "Id of the Firestore database."
  value       = local.database
}

output "service_accounts" {
  description = "Email addresses of the accounts: build, runtime and scheduler."
  value = {
    build     = google_service_account.build.email
    runtime   = google_service_account.runtime.email
    scheduler = google_service_account.scheduler.email
  }
}

output "source_object" {
  description = "The object that holds the source, with the hash of its content in its name."
  value       = google_storage_bucket_object.source.name
}

locals {
  # what the SDK calls
  called = [for name in local.names : name if name != "expire"]

  # one URL, or one of each function; they are of different types, so no conditional can choose between them
  one_url  = { for key in ["PUBLISH_SUBSCRIBE_SERVICE"] : key => local.base_url if var.function_prefix == "" }
  each_url = { for key in ["PUBLISH_SUBSCRIBE_SERVICE"] : key => { for name in local.called : name => "${local.base_url}/${local.functions[name].function}" } if var.function_prefix != "" }
  service  = merge(local.one_url, local.each_url)

  callers = {
    identity = "google"
    audiences = merge(
      { for name in local.called : name => google_cloudfunctions2_function.this[name].service_config[0].uri },
      { identity = local.identity_audience },
    )
  }
}
