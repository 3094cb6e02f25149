"""Who may do what: a literal table, and the modules grant exactly that."""

from __future__ import annotations

import re

import pytest

from tests.terraform.configuration import (
    EXAMPLE,
    FOLDERS,
    MODULES,
    Resource,
    named,
    parts,
    resources,
    texts,
)

GRANTS = {
    # Of the project, for want of anything smaller.
    ("writer", "roles/dataflow.worker", "project"),
    ("launcher", "custom job_starter", "project"),
    ("writer", "roles/bigquery.jobUser", "project"),
    ("writer", "roles/bigquery.readSessionUser", "project"),
    ("reader", "roles/bigquery.jobUser", "project"),
    ("reader", "roles/bigquery.readSessionUser", "project"),
    ("erasure", "roles/bigquery.jobUser", "project"),
    ("launcher", "roles/bigquery.jobUser", "project"),
    ("auditor", "roles/bigquery.jobUser", "project"),
    ("groups", "roles/bigquery.jobUser", "project"),
    # The writer: reads subscriptions, adds to tables, keeps raw payloads.
    ("writer", "roles/pubsub.subscriber", "subscription input"),
    ("writer", "roles/pubsub.viewer", "subscription input"),
    ("writer", "roles/bigquery.dataEditor", "table table, not restricted"),
    ("writer", "custom appender", "table table, restricted"),
    ("writer", "roles/storage.objectCreator", "bucket archive"),
    ("writer", "roles/storage.objectViewer", "bucket archive"),
    ("writer", "roles/storage.objectUser", "bucket load"),
    ("writer", "roles/storage.objectUser", "bucket dataflow"),
    ("writer", "roles/artifactregistry.reader", "repository images"),
    ("writer", "roles/secretmanager.secretAccessor", "secret pseudonym"),
    # The reader: what is published.
    ("reader", "READER", "dataset views"),
    ("reader_groups", "READER", "dataset views"),
    ("reader", "roles/bigquery.dataViewer", "table runs"),
    ("reader_groups", "roles/bigquery.dataViewer", "table runs"),
    ("restricted_reader_groups", "READER", "dataset restricted"),
    # Of people: what the questions about them read, and no other table of theirs.
    ("people_reader_groups", "roles/bigquery.dataViewer", "table people_tables"),
    ("people_reader_groups", "roles/bigquery.dataViewer", "view people_views"),
    # Erasure: the rows and payloads of a person.
    ("erasure", "roles/bigquery.dataEditor", "table personal"),
    ("erasure", "roles/storage.objectUser", "bucket archive"),
    ("erasure", "roles/secretmanager.secretAccessor", "secret pseudonym"),
    # The launcher: starts jobs as the writer, once a day is ready.
    ("launcher", "roles/iam.serviceAccountUser", "account writer"),
    ("launcher", "roles/storage.objectViewer", "bucket dataflow, templates/"),
    ("launcher", "roles/bigquery.dataViewer", "view partition_status"),
    # The auditor: the balance.
    ("auditor", "roles/bigquery.dataViewer", "table balance"),
    # Others: who publishes, who builds, and Google's own accounts.
    ("publishers", "roles/pubsub.publisher", "topic input"),
    ("builders", "roles/artifactregistry.writer", "repository images"),
    ("pubsub", "roles/pubsub.publisher", "topic dead_letter"),
    ("pubsub", "roles/pubsub.subscriber", "subscription input"),
    ("agents", "roles/cloudkms.cryptoKeyEncrypterDecrypter", "key data"),
    ("secretmanager", "roles/cloudkms.cryptoKeyEncrypterDecrypter", "key pseudonym"),
    ("projectOwners", "OWNER", "dataset data"),
    ("projectOwners", "OWNER", "dataset restricted"),
    ("projectOwners", "OWNER", "dataset views"),
    ("dataset views", "VIEWS", "dataset data"),
}  # fmt: skip

OF_THE_PROJECT = {
    "roles/dataflow.worker",
    "roles/bigquery.jobUser",
    "roles/bigquery.readSessionUser",
    "custom job_starter",
}
"""Roles that mean nothing on anything smaller than a project."""

PERMISSIONS = {
    "job_starter": {
        "dataflow.jobs.cancel",
        "dataflow.jobs.create",
        "dataflow.jobs.get",
        "dataflow.jobs.list",
        "dataflow.jobs.updateContents",
        "dataflow.messages.list",
        "dataflow.metrics.get",
    },
    "appender": {"bigquery.tables.get", "bigquery.tables.updateData"},
}

_ON = {
    "google_project_iam_member": ("project", None),
    "google_pubsub_subscription_iam_member": ("subscription", "subscription"),
    "google_pubsub_topic_iam_member": ("topic", "topic"),
    "google_bigquery_table_iam_member": ("table", "table_id"),
    "google_storage_bucket_iam_member": ("bucket", "bucket"),
    "google_artifact_registry_repository_iam_member": ("repository", "repository"),
    "google_secret_manager_secret_iam_member": ("secret", "secret_id"),
    "google_kms_crypto_key_iam_member": ("key", "crypto_key_id"),
    "google_service_account_iam_member": ("account", "service_account_id"),
}

ALL = [resource for folder in FOLDERS for resource in resources(folder)]


def granted() -> set[tuple[str, str, str]]:
    """(who, role, on what) of everything that grants anything."""
    found: set[tuple[str, str, str]] = set()
    for resource in ALL:
        if resource.type in _ON:
            role = _role(resource.body["role"])
            found |= {(who, role, _place(resource)) for who in _members(resource)}
        elif resource.type == "google_bigquery_dataset":
            for access in parts(resource.body)[1].get("access", []):
                found.add(_access(access, resource))
    return found


def _role(role: str) -> str:
    custom = re.search(r"google_project_iam_custom_role\.(\w+)\.name", role)
    return f"custom {custom[1]}" if custom else role


def _members(resource: Resource) -> set[str]:
    member = resource.body["member"]
    if match := re.search(r"account\[\"(\w+)\"\]\.member|serviceAccount:\$\{var\.(\w+)\}", member):
        return {match[1] or match[2]}
    if "account[each.key].member" in member:
        return set(re.findall(r"\"(\w+)\"", resource.body["for_each"]))
    if match := re.search(r"@gcp-sa-(\w+)\.", member):
        return {match[1]}
    # A member of a set that is a variable or local of the module.
    return {re.search(r"(?:var|local)\.(\w+)", resource.body["for_each"])[1]}


def _place(resource: Resource) -> str:
    kind, argument = _ON[resource.type]
    if argument is None:
        return kind
    target = re.search(r"google_\w+\.(\w+)(?:\[\"?([\w.]+)\"?\])?", resource.body[argument])
    each = resource.body.get("for_each", "")
    people = re.search(r"local\.(people_\w+)", each)
    if people:
        return f"{kind if target else 'view'} {people[1]}"
    if target is None:
        # Named by the text that it is for: a view, which is there only where its SQL is.
        view = re.search(r"for name in \[\"(\w+)", each)
        assert view is not None, each
        return f"view {view[1]}"
    name = target[1]
    if kind == "table":
        if "restricted" in each:
            name += ", not restricted" if "!table.restricted" in each else ", restricted"
        elif "personal" in each:
            name = "personal"
    if target[2] and not target[2].startswith("each"):
        name = target[2]
    return f"{kind} {name}{_below(resource)}"


def _below(resource: Resource) -> str:
    """The prefix of objects that a condition leaves of a bucket."""
    for condition in parts(resource.body)[1].get("condition", []):
        bucket = (
            r"projects/_/buckets/\$\{" + re.escape(resource.body["bucket"].strip("${}")) + r"\}"
        )
        only = rf'resource\.name\.startsWith\("{bucket}/objects/(\w+/)"\)'
        told = re.fullmatch(only, condition["expression"].replace('\\"', '"'))
        assert told is not None, condition["expression"]
        return f", {told[1]}"
    return ""


def _access(access: dict[str, object], dataset: Resource) -> tuple[str, str, str]:
    arguments, blocks = parts(access)
    place = f"dataset {dataset.name}"
    if "dataset" in blocks:
        (authorised,) = blocks["dataset"]
        (target,) = authorised["dataset"]
        name = re.search(r"google_bigquery_dataset\.(\w+)\.", target["dataset_id"])[1]
        return f"dataset {name}", ",".join(authorised["target_types"]), place
    role = str(arguments.pop("role"))
    ((kind, who),) = arguments.items()
    if kind == "group_by_email":
        # The group of a dynamic block, which is made for each of a variable.
        blocks_of = dataset.body["dynamic"]
        (each,) = {d["access"]["for_each"] for d in blocks_of if d["access"]["content"] == [access]}
        who = each
    match = re.search(r"var\.(\w+)", str(who))
    return (match[1] if match else str(who)), role, place


def test_what_is_granted_is_what_the_table_says():
    found = granted()

    assert found - GRANTS == set(), "granted, but not in the table"
    assert GRANTS - found == set(), "in the table, but not granted"


def test_every_resource_that_grants_is_read():
    granting = {each.type for each in ALL if "_iam_" in each.type or "access" in each.type}

    assert granting == {*_ON, "google_project_iam_custom_role"}
    # Those that say who has a role, and thereby take it from everybody else, are not ours to say.
    assert not [each for each in granting if each.endswith(("_iam_policy", "_iam_binding"))]


def test_no_role_is_a_primitive_one_and_nobody_is_everybody():
    for resource in ALL:
        for text in texts(resource.body):
            assert not re.search(r"roles/(owner|editor|viewer)\b", text), resource
            assert not re.search(r"allUsers|allAuthenticatedUsers|projectEditors", text), resource
            assert not re.search(r"roles/\w+\.admin\b", text), resource


def test_a_role_of_the_project_is_one_that_nothing_smaller_has():
    roles = {role for _, role, place in granted() if place == "project"}

    assert roles == OF_THE_PROJECT


def test_custom_roles_hold_the_permissions_said_here():
    found = {
        each.name: set(each.body["permissions"])
        for each in ALL
        if each.type == "google_project_iam_custom_role"
    }

    assert found == PERMISSIONS


def test_the_accounts_are_those_of_the_table():
    (accounts,) = [r for r in ALL if r.type == "google_service_account"]
    assert accounts.folder == MODULES / "identity"
    names = {"writer", "reader", "erasure", "launcher", "auditor"}

    assert names <= {who for who, _, _ in GRANTS}
    for module in named(EXAMPLE, "module").values():
        for name in names & set(module):
            assert module[name] == f'${{module.identity.emails["{name}"]}}'


def test_every_dataset_says_in_full_who_reads_it():
    datasets = [each for each in ALL if each.type == "google_bigquery_dataset"]

    assert {each.name for each in datasets} == {"data", "restricted", "views"}
    for dataset in datasets:
        # Without any, the API lets every viewer of the project read it.
        assert parts(dataset.body)[1].get("access"), dataset


@pytest.mark.parametrize("who", ["reader", "auditor", "groups", "people_reader_groups"])
def test_who_only_reads_can_write_nothing(who):
    roles = {role for each, role, _ in granted() if each == who}

    reading = {"dataViewer", "jobUser", "readSessionUser"}
    assert roles <= {"READER", *(f"roles/bigquery.{name}" for name in reading)}
