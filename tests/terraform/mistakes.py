"""Mistakes that somebody could make in the module, and what is to notice each."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MISTAKES", "Mistake"]


@dataclass(frozen=True)
class Mistake:
    """One mistake: in a file of the module, `right` becomes `wrong`."""

    name: str
    file: str
    right: str
    wrong: str
    #: the check that notices, as in CHECKS, and what it says
    check: str
    message: str
    #: the one file of `terraform test` that does, where it is that check
    test: str | None = None


_EXAMPLE = "examples/minimal/main.tf"
_REGION = "  region      = var.region\n"


def _asked_for(name: str, argument: str, message: str) -> Mistake:
    """A value that a user of the module gives."""
    return Mistake(name, _EXAMPLE, _REGION, f"{_REGION}  {argument}\n", "validate", message)


MISTAKES = [
    Mistake("layout", "apis.tf", "  project = var", "  project= var", "fmt", "+ project = var.project_id"),
    Mistake(
        "an undocumented input", "variables.tf", '"Python of the functions."', '"Its Python."', "tables", "make tables"
    ),
    # what validate knows from the schemas
    Mistake(
        *("a wrong argument", "functions.tf", "timeout_seconds  ", "timeout_second   ", "validate"),
        'An argument named "timeout_second" is not expected here',
    ),
    Mistake(
        *("a missing argument", "firestore.tf", "  location_id ", "  # location_id ", "validate"),
        'The argument "location_id" is required',
    ),
    Mistake(
        *("a wrong type", "functions.tf", "= each.value.max_instances", '= "many"', "validate"),
        'Inappropriate value for attribute "max_instance_count": a number is required',
    ),
    Mistake(
        *(
            "a wrong resource",
            "functions.tf",
            "google_service_account.runtime.email",
            "google_service_account.runner.email",
        ),
        *("validate", "Reference to undeclared resource"),
    ),
    Mistake(
        *(
            "a wrong attribute",
            "functions.tf",
            "google_storage_bucket_object.source.name",
            "google_storage_bucket_object.source.key",
        ),
        *("validate", "Unsupported attribute"),
    ),
    Mistake(
        *("a wrong variable", "scheduler.tf", "var.expire_schedule", "var.schedule", "validate"),
        "Reference to undeclared input variable",
    ),
    Mistake(
        *("a wrong block", "firestore.tf", "  index_config {}", "  index_configuration {}", "validate"),
        'Blocks of type "index_configuration" are not expected here',
    ),
    Mistake(
        *("a wrong literal", "firestore.tf", '"FIRESTORE_NATIVE"', '"NATIVE"', "validate"),
        "expected type to be one of ['FIRESTORE_NATIVE', 'DATASTORE_MODE'], got 'NATIVE'",
    ),
    Mistake(
        *("a wrong literal in a block", "monitoring.tf", '"COMPARISON_GT"', '"GREATER"', "validate"),
        "expected conditions.condition_threshold.comparison to be one of",
    ),
    # what our own validations refuse, where a user gives it
    _asked_for("a wrong value", 'ingress = "ALL"', "ingress: ALLOW_ALL, ALLOW_INTERNAL_ONLY or"),
    _asked_for(
        "a bad database", 'database = { id = "Events" }', "database: id is (default), or 4 to 63 lower-case letters"
    ),
    _asked_for("no such function", "functions = { unsubscribe = {} }", "functions: the keys are register, publish"),
    _asked_for(
        "too little CPU", 'functions = { publish = { available_cpu = "0.5" } }', "needs an available_cpu of at least 1"
    ),
    _asked_for(
        "a short timeout", "functions = { get_events = { timeout_s = 20 } }", "get_events may wait for 20 seconds"
    ),
    _asked_for("everybody", 'admins = ["allUsers"]', "There are no anonymous admins."),
    # what only `terraform test` sees: each is valid
    Mistake(
        *("a bad default", "variables.tf", 'default     = "ABANDON"', 'default     = "KEEP"', "test"),
        *("deletion_policy: ABANDON or DELETE is expected", "database"),
    ),
    Mistake(
        *(
            "a validation lost",
            "variables.tf",
            'contains(["ABANDON", "DELETE"], var.deletion_policy)',
            "length(var.deletion_policy) > 0",
        ),
        *("test", "Missing expected failure", "refused"),
    ),
    Mistake(
        *("no function of that name", "scheduler.tf", 'google_cloudfunctions2_function.this["expire"]'),
        *('google_cloudfunctions2_function.this["expires"]', "test", "Invalid index", "defaults"),
    ),
    Mistake(
        *("time to live", "firestore.tf", "  index_config {}", "  index_config {}\n  ttl_config {}", "test"),
        *("No index, and no time-to-live", "database"),
    ),
    Mistake(
        *("another edition", "firestore.tf", '"STANDARD" ', '"ENTERPRISE"', "test"),
        *("Enterprise refuses the configuration of indexes", "database"),
    ),
    Mistake(
        *("four threads", "functions.tf", "tostring(each.value.concurrency)", '"4"', "test"),
        *("THREADS is the concurrency", "defaults"),
    ),
    Mistake(
        *("a timeout shorter than the wait", "functions.tf", "timeout_s = 80", "timeout_s = 20", "test"),
        *("get_events may wait for 20 seconds", "defaults"),
    ),
    Mistake(
        *("the public by a local", "iam.tf", 'var.allow_unauthenticated ? ["allUsers"] : []', '["allUsers"]', "test"),
        *("Only expire has a caller", "access"),
    ),
    Mistake(
        *(
            "the same object for each source",
            "bundle.tf",
            "functions-${local.source_hash}.zip",
            "functions.zip",
            "test",
        ),
        *("Another source is another object", "source"),
    ),
    Mistake("an open bucket", "bundle.tf", '= "enforced"', '= "inherited"', "test", "Nor to the source", "access"),
    Mistake(
        *(
            "another account",
            "functions.tf",
            "google_service_account.runtime.email",
            "google_service_account.build.email",
        ),
        *("test", "Functions run as the account that may use the database", "wiring"),
    ),
    Mistake(
        *("an API that there is not", "apis.tf", '"firestore.googleapis.com"', '"firestor.googleapis.com"', "test"),
        *("One for each service of the resources", "wiring"),
    ),
    Mistake(
        *("a field that nobody logs", "monitoring.tf", 'field = "oldest_age_s"', 'field = "oldest_age"', "test"),
        *("The fields as the service writes them", "wiring"),
    ),
    Mistake(
        *("too many publishers", "iam.tf", "concat(var.publishers, var.admins", "concat(var.subscribers, var.admins"),
        *("test", "Publishers publish", "access"),
    ),
    Mistake(
        *("the copies of the source out of reach", "iam.tf", '["gcf-v2-sources-", ', '["gcf-sources-", ', "test"),
        *("The build reads the copy of the source that Cloud Functions makes", "access"),
    ),
    Mistake(
        *("every bucket in reach", "iam.tf", "var.restrict_build_access ?", "!var.restrict_build_access ?", "test"),
        *("The build reads the copy of the source that Cloud Functions makes", "access"),
    ),
    Mistake(
        *("sources for another account", "iam.tf"),
        'objectViewer"\n  member  = google_service_account.build.member',
        'objectViewer"\n  member  = google_service_account.runtime.member',
        *("test", "The build's account reads the source", "wiring"),
    ),
    Mistake("no time at all", "iam.tf", '"120s"', '"0s"', "test", "IAM takes about two minutes", "access"),
    Mistake(
        *("an audience that the SDK is not told", "outputs.tf", "{ identity = local.identity_audience }", "{}", "test"),
        *("one for the service itself", "defaults"),
    ),
    # what the order of the graph shows
    Mistake(
        *(
            "a build that does not wait",
            "functions.tf",
            "    time_sleep.iam,",
            "    google_project_iam_member.build_logs,",
        ),
        *("order", "functions are built without waiting for time_sleep.iam"),
    ),
    Mistake(
        *("a grant that comes too late", "iam.tf"),
        "    build_sources = google_project_iam_member.build_sources.id\n",
        "",
        *("order", "functions are built without waiting for google_project_iam_member.build_sources"),
    ),
    # what only an apply shows, and the next plan
    Mistake(
        *("access lost", "iam.tf", "    replace_triggered_by =", "    # replace_triggered_by =", "upgrade"),
        "with another source the plan is",
    ),
    # what is valid, and against a policy
    Mistake(
        *(
            "the public by a literal",
            "iam.tf",
            "toset(local.invokers[each.key])",
            'concat(local.invokers[each.key], ["allUsers"])',
        ),
        *("checkov", "CKV2_PUBSUB_1"),
    ),
]
