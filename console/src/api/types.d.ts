// Written by `make docs` from the API (filesync_dagster/web): change it there.

export type About = { "version": string; "python": string; "database": "sqlite" | "postgresql"; "time_zone": string };

export type Approval = { "digest"?: (string | null); "sync_id"?: (string | null) };

export type Breaker = { "state": string; "failures": number; "opened_at": (string | null); "probe_at": (string | null); "reason": (string | null) };

export type BrowsePage = { "items": Array<BrowseRow>; "next_cursor": (string | null); "total": (number | null); "total_bytes": (number | null); "total_is_exact": boolean; "endpoints_unknown": Array<string> };

export type BrowseRow = { "endpoint": string; "external_id": string; "name": string; "path": string; "kind": string; "size": (number | null); "modified_at": (string | null); "version": (string | null); "content_hash": (string | null); "owner": (string | null); "deleted_at": (string | null); "gone_reason": (string | null) };

export type ChangeBar = { "start": string; "counts": Record<string, number> };

export type ChangeHistogram = { "step_seconds": number; "items": Array<ChangeBar> };

export type ChangeList = { "items": Array<ChangeOut>; "next_cursor": (string | null) };

export type ChangeOut = { "seq": number; "observed_at": string; "change": string; "path": string; "external_id": string; "before": (Record<string, unknown> | null); "after": (Record<string, unknown> | null); "sync_id": string };

export type ColumnChoice = { "table": string; "column": string; "role"?: (string | null); "person_kind"?: (string | null) };

export type ColumnOut = { "name": string; "type": string; "position": number; "nullable": boolean; "sql_type": (string | null); "role": (string | null); "person_kind": (string | null); "format": (string | null); "description": (string | null); "sensitivity": Array<string>; "masked": boolean; "stats": Record<string, unknown> };

export type ColumnSeen = { "name": string; "type": string; "sql_type": (string | null); "nullable": boolean; "description": (string | null); "sensitivity": Array<string> };

export type Component = { "name": string; "status": "ok" | "degraded" | "failing"; "detail": string };

export type ConnectionIn = { "source"?: (string | null); "type"?: (string | null); "config"?: Record<string, unknown>; "file_paths"?: (Array<string> | null) };

export type ConnectionOut = { "endpoint": string; "latency_ms": number; "sees": string; "permissions": Array<string>; "problems": Array<string>; "warnings": Array<string> };

export type ConnectionTest = { "type": string; "status": "success" | "failed" | "error"; "message": string; "available": boolean; "code": (string | null); "field": (string | null); "hint": string; "latency_ms": (number | null); "server": (string | null); "tables": Array<TableSeen>; "warnings": Array<string> };

export type ConnectorOut = { "type": string; "name": string; "description": string; "icon": string; "supported_formats": Array<string>; "config_schema": Record<string, unknown>; "installed": boolean; "install_hint": (string | null); "tested": "server" | "contract"; "capabilities": Array<string> };

export type Connectors = { "connectors": Array<ConnectorOut> };

export type ConsoleSession = { "signed_in": boolean; "role": ("viewer" | "operator" | "admin" | null); "may_decide": boolean; "needs_token": boolean; "csrf": (string | null); "version": string; "dagster_url": (string | null) };

export type DatabaseExportOrder = { "format": "database"; "target": DatabaseTarget; "options"?: Record<string, unknown> };

export type DatabaseTarget = ({ "source": string } | { "type": string });

export type Decision = { "files_processed": number; "files_before": (number | null); "files_added": number; "files_restored": number; "files_updated": number; "files_moved": number; "files_removed": number; "files_left_scope": number; "files_repathed": number; "files_total": number; "bytes_total": number; "api_calls": number; "retries": number; "throttled_seconds": number; "feed_drift": (number | null); "endpoint": string; "decision": "approved" | "rejected"; "sync_id": (string | null); "warnings": Array<string> };

export type Difference = { "change": string; "path": string; "path_before": (string | null); "external_id": string; "kind": string; "size_before": (number | null); "size_after": (number | null); "modified_before": (string | null); "modified_after": (string | null) };

export type Discovery = { "type": string; "tables": Array<TableFound> };

export type Document = { "openapi": string };

export type EndpointHealth = { "endpoint": string; "state": string; "status": "ok" | "degraded" | "failing"; "checked_at": (string | null); "last_success": (string | null); "stale": boolean; "error": (string | null) };

export type EndpointOut = { "name": string; "title": string; "type": string; "is_active": boolean; "schedule": string; "project_id": (string | null); "user_id": (string | null); "endpoint_details": Record<string, unknown>; "state": string; "files_total": number; "bytes_total": number; "problems": Array<string> };

export type Endpoints = { "endpoints": Array<EndpointOut> };

export type EngineOptions = { "max_epochs"?: number; "max_minutes"?: number; "epsilon"?: (number | null); "delta"?: number };

export type EngineOut = { "name": string; "version": string; "available": boolean; "description": string };

export type FileCopy = { "endpoint": string; "external_id": string; "path": string };

export type FileDetails = { "endpoint": string; "external_id": string; "name": string; "path": string; "kind": string; "size": (number | null); "modified_at": (string | null); "version": (string | null); "content_hash": (string | null); "owner": (string | null); "deleted_at": (string | null); "gone_reason": (string | null); "title": string; "scope": string; "mime_type": (string | null); "link": (string | null); "created_at": (string | null); "first_seen_at": string; "last_seen_at": string; "project_id": (string | null); "user_id": (string | null); "permissions": unknown; "metadata": unknown; "copies": Array<FileCopy>; "journal": Array<JournalRow> };

export type FileExportOrder = { "format": "json" | "csv" | "excel" | "sql" | "parquet"; "options"?: Record<string, unknown> };

export type FileList = { "items": Array<FileOut>; "next_cursor": (string | null) };

export type FileOut = { "endpoint": string; "external_id": string; "path": string; "kind": string; "size": (number | null); "modified_at": (string | null); "version": (string | null); "content_hash": (string | null); "owner": (string | null) };

export type FolderEntryOut = { "name": string; "path": string; "is_folder": boolean; "external_id": (string | null); "files": (number | null); "files_is_exact": boolean };

export type FolderListing = { "items": Array<FolderEntryOut>; "next_cursor": (string | null) };

export type GenerationAnswer = { "session_id": string; "status": "processing" | "completed" | "error"; "state": "queued" | "reading" | "fitting" | "generating" | "checking" | "exporting" | "completed" | "failed" | "cancelled"; "progress": SessionProgress; "revision": number; "seed": (number | null); "engine": string; "engine_version": (string | null); "output_format": "json" | "csv" | "excel" | "sql" | "parquet"; "tables": Array<SessionTable>; "quality": (QualitySummary | null); "output_files": Array<string>; "warnings": Array<SessionWarning>; "error": (string | null); "error_code": (string | null); "error_hint": (string | null); "cancel_asked": boolean; "may_run_again": boolean; "pinned": boolean; "owner": string; "run_id": (string | null); "created_at": string; "started_at": (string | null); "finished_at": (string | null); "expires_at": (string | null); "synthetic_data": (Record<string, Array<Record<string, unknown>>> | null); "truncated": Array<string>; "quality_metrics": (Record<string, unknown> | null) };

export type GenerationHealth = { "status": "healthy" | "unavailable"; "sdv_available": boolean; "engine": string; "engines": Array<EngineOut>; "running": number; "queued": number; "message": string };

export type GenerationRequest = { "tables"?: Array<RequestedTable>; "relationships"?: Array<RequestedRelation>; "data_sources"?: Array<RequestedSource>; "sources"?: Array<(string | SavedSource)>; "scale"?: number; "rows"?: Record<string, unknown>; "quality_settings"?: QualitySettings; "output_format"?: "json" | "csv" | "excel" | "sql" | "parquet"; "export_options"?: Record<string, unknown>; "random_seed"?: (number | null); "conditions"?: Array<RequestedCondition>; "rules"?: Array<RequestedRule>; "columns"?: Array<ColumnChoice>; "keep"?: Array<string>; "engine"?: "core" | "mostlyai"; "engine_options"?: EngineOptions; "locale"?: string; "privacy"?: PrivacyChoices; "accept_proposals"?: boolean; "find_rules"?: boolean; "report"?: boolean; "wait_s"?: number };

export type Growth = { "days": Array<GrowthDay> };

export type GrowthDay = { "day": string; "files": number; "bytes": number; "endpoints": number };

export type Health = { "status": "ok" | "degraded" | "failing"; "version": string; "checked_at": string; "components": Array<Component>; "endpoints": Array<EndpointHealth>; "alerts": Array<StandingAlert> };

export type HeldDecision = { "read_id": string };

export type HeldFolder = { "folder": string; "counts": Record<string, number> };

export type HeldItem = { "kind": "sync" | "plan"; "name": string; "title": string; "id": string; "reason": string; "counts": Record<string, number>; "since": (string | null); "files_before": (number | null) };

export type HeldItems = { "items": Array<HeldItem> };

export type HeldRead = { "read_id": string; "day": string; "reason": string; "finished_at": string };

export type HeldSyncPage = { "files_processed": number; "files_before": (number | null); "files_added": number; "files_restored": number; "files_updated": number; "files_moved": number; "files_removed": number; "files_left_scope": number; "files_repathed": number; "files_total": number; "bytes_total": number; "api_calls": number; "retries": number; "throttled_seconds": number; "feed_drift": (number | null); "endpoint": string; "sync_id": string; "held_at": string; "observed_at": string; "reason": string; "digest": string; "counts": Record<string, number>; "folders": Array<HeldFolder>; "changes": Array<WaitingChange>; "total": number; "next_offset": (number | null) };

export type Hint = { "queued": boolean; "reason": string };

export type JournalPage = { "items": Array<JournalRow>; "next_cursor": (string | null) };

export type JournalRow = { "seq": number; "endpoint": string; "observed_at": string; "change": string; "path": string; "external_id": string; "before": (Record<string, unknown> | null); "after": (Record<string, unknown> | null); "sync_id": string; "paths": (number | null) };

export type LastSync = { "files_processed": number; "files_before": (number | null); "files_added": number; "files_restored": number; "files_updated": number; "files_moved": number; "files_removed": number; "files_left_scope": number; "files_repathed": number; "files_total": number; "bytes_total": number; "api_calls": number; "retries": number; "throttled_seconds": number; "feed_drift": (number | null); "sync_id": string; "status": string; "mode": string; "started_at": string; "completed_at": string; "duration_seconds": number; "run_id": (string | null); "snapshot_uri": (string | null) };

export type LastTest = { "at": string; "status": "success" | "failed" | "error"; "message": string; "code": (string | null); "field": (string | null); "latency_ms": (number | null); "server": (string | null) };

export type LaunchedRuns = { "run_ids": Array<string>; "endpoints": Array<string>; "waiting": Array<string>; "urls": Array<string> };

export type Limits = { "max_file_bytes": number; "max_files": number; "max_columns": number; "max_cell_characters": number; "max_source_rows": number; "max_tables": number; "max_scale": number; "max_output_rows": number; "max_body_bytes": number; "max_page_rows": number; "running_sessions": number; "queued_sessions": number; "running_reads": number; "queued_reads": number; "tests_per_minute": number; "generations_per_hour": number; "upload_days": number; "session_days": number; "virus_scan": "off" | "required"; "may_keep_secrets": boolean };

export type Lineage = { "source": (string | null); "source_type": (string | null); "upload_id": (string | null); "file": (string | null); "read_id": (string | null); "read_at": (string | null) };

export type LinkFor = { "role": "viewer" | "operator" | "admin" };

export type Me = { "role": "viewer" | "operator" | "admin"; "via": "token" | "session" | "nobody" };

export type MomentComparison = { "before": (string | null); "after": (string | null); "counts": Record<string, number>; "items": Array<Difference>; "next_cursor": (string | null) };

export type NeedOut = { "kind": "held_sync" | "held_plan" | "broken" | "failed" | "stale" | "partial" | "empty" | "alert"; "subject": string; "title": string; "sentence": string; "since": (string | null) };

export type OperationList = { "items": Array<OperationOut>; "next_cursor": (string | null) };

export type OperationOut = { "position": number; "op": string; "external_id": string; "path": string; "new_path": (string | null); "size": (number | null); "state": string; "attempts": number; "bytes_done": number; "error": (string | null) };

export type Overview = { "as_of": string; "endpoints": number; "endpoints_in_need": number; "states": Record<string, number>; "replications": Record<string, number>; "needs": Array<NeedOut>; "files_total": (number | null); "bytes_total": (number | null); "endpoints_unknown": number; "changes": ChangeHistogram };

export type PastSync = { "files_processed": number; "files_before": (number | null); "files_added": number; "files_restored": number; "files_updated": number; "files_moved": number; "files_removed": number; "files_left_scope": number; "files_repathed": number; "files_total": number; "bytes_total": number; "api_calls": number; "retries": number; "throttled_seconds": number; "feed_drift": (number | null); "sync_id": string; "status": string; "mode": string; "started_at": string; "completed_at": string; "duration_seconds": number; "run_id": (string | null); "snapshot_uri": (string | null); "error": (string | null); "warnings": Array<string>; "confirmed_by": (string | null) };

export type PastSyncs = { "items": Array<PastSync> };

export type PendingComparison = { "session_id": string; "status": "processing"; "state": "queued" | "reading" | "fitting" | "generating" | "checking" | "exporting" | "completed" | "failed" | "cancelled"; "progress": SessionProgress };

export type PictureSeries = { "name": string; "values": Array<number> };

export type PinOrder = { "pinned": boolean };

export type PlanDecision = { "plan_id": number };

export type PlanList = { "items": Array<PlanOut>; "next_cursor": (string | null) };

export type PlanOrder = { "scope"?: ("initial" | "incremental" | "full" | "reconcile" | null); "limit"?: number };

export type PlanOut = { "id": number; "scope": string; "status": string; "counts": Record<string, number>; "bytes": number; "guard_reason": (string | null); "run_id": (string | null); "created_at": string; "finished_at": (string | null) };

export type PlanPreviewOut = { "replication": string; "plan_id": (number | null); "scope": string; "counts": Record<string, number>; "objections": Array<string>; "problems": Array<PlanProblemOut>; "operations": Array<PlannedOperation>; "missing": number; "changed": number };

export type PlanProblemOut = { "kind": string; "paths": Array<string>; "sentence": string };

export type PlannedOperation = { "op": string; "path": string; "new_path": (string | null); "size": (number | null); "external_id": string };

export type PrivacyChoices = { "k_min"?: number; "keep_rare"?: boolean; "keep_extremes"?: boolean; "keep_orphans"?: boolean; "copy_text"?: boolean };

export type Problem = { "error": string; "hint": string; "code": (string | null); "field": (string | null); "detail": string };

export type ProblemList = { "items": Array<ProblemOut>; "next_cursor": (string | null) };

export type ProblemOut = { "external_id": string; "kind": string; "path": string; "sentence": string; "times": number; "since": (string | null) };

export type QualitySettings = { "threshold"?: number; "include_relationships"?: boolean };

export type QualitySummary = { "score": (number | null); "ceiling": (number | null); "naive": (number | null); "group": (string | null); "place": (string | null); "threshold": number; "quality_passed": (boolean | null); "distribution_similarity": (number | null); "correlation_preservation": (number | null); "privacy_score": (number | null); "schema_only": boolean };

export type ReadOrder = { "tables"?: Array<string>; "limit"?: (number | null) };

export type ReadOut = { "id": string; "source": string; "state": "queued" | "running" | "completed" | "failed" | "cancelled"; "tables": Array<string>; "limit": (number | null); "progress": ReadProgressOut; "table_ids": Array<string>; "error": (string | null); "error_code": (string | null); "error_hint": (string | null); "error_field": (string | null); "asked_by": string; "cancel_asked": boolean; "created_at": string; "started_at": (string | null); "finished_at": (string | null) };

export type ReadProgressOut = { "stage": string; "table": string; "rows": number; "tables_done": number; "tables_total": number };

export type Readiness = { "ready": boolean; "error": (string | null) };

export type ReadingChoices = { "delimiter": (string | null); "encoding": (string | null); "header_row": (number | null); "sheet": (string | null); "types": Record<string, string> };

export type Reads = { "reads": Array<ReadOut> };

export type RejectedPlan = { "replication": string; "plan_id": number };

export type Rejection = { "sync_id"?: (string | null) };

export type RelationDecision = { "child_columns": Array<string>; "parent": string; "parent_columns": Array<string>; "decision": "confirm" | "refuse" };

export type RelationOut = { "child": string; "child_columns": Array<string>; "parent": string; "parent_columns": Array<string>; "origin": "declared" | "detected" | "proposed" | "refused"; "multiplicity": "one_to_many" | "one_to_one" | "many_to_many"; "score": (number | null); "inclusion": (number | null); "decided_by": (string | null) };

export type ReplicaFile = { "path": string; "external_id": string; "kind": string; "size": (number | null); "source_version": (string | null); "content_hash": (string | null); "dest_version": (string | null); "dest_hash": (string | null); "internal_id": (string | null); "verified": (string | null); "permissions": (string | null); "written_at": (string | null) };

export type ReplicaFileList = { "items": Array<ReplicaFile>; "next_cursor": (string | null) };

export type ReplicationState = { "name": string; "title": string; "source": string; "destination": string; "mode": string; "state": string; "is_active": boolean; "files": number; "bytes": number; "verified_by_hash": number; "acknowledged": number; "lag_seconds": (number | null); "last_run": (string | null); "last_outcome": (string | null); "held_plan_id": (number | null); "held_reason": (string | null); "held_counts": (Record<string, number> | null); "problems": Record<string, number>; "running_since": (string | null); "error": (string | null) };

export type ReplicationStates = { "replications": Array<ReplicationState> };

export type ReportKind = { "name": string; "title": string; "about": string };

export type ReportKinds = { "items": Array<ReportKind> };

export type ReportPicture = { "kind": "ranking" | "stacks" | "grid"; "labels": Array<string>; "series": Array<PictureSeries>; "unit": string; "alarming": boolean };

export type ReportRows = { "report": string; "day": string; "notes": Array<string>; "numbers": (Record<string, number> | null); "picture": (ReportPicture | null); "items": Array<Record<string, unknown>>; "next_cursor": (string | null) };

export type RequestProblem = { "path": string; "message": string };

export type RequestVerdict = { "valid": boolean; "message": string; "tables_count": number; "relationships_count": number; "data_sources_count": number; "problems": Array<RequestProblem>; "warnings": Array<string> };

export type RequestedColumn = { "name": string; "data_type"?: string; "is_nullable"?: boolean; "is_primary_key"?: boolean; "is_unique"?: boolean; "enhanced_description"?: (string | Array<string> | null); "business_rules"?: (string | Array<string> | null) };

export type RequestedCondition = { "table": string; "where": Record<string, unknown>; "rows"?: (number | null) };

export type RequestedRelation = { "source_table": string; "source_column": string; "target_table": string; "target_column": string; "relationship_type"?: string };

export type RequestedRule = { "table": string; "kind"?: (string | null); "columns"?: Array<string>; "column"?: (string | null); "op"?: (string | null); "other"?: (string | null); "value"?: unknown; "expression"?: (string | null); "enabled"?: boolean };

export type RequestedSource = { "type": string; "config"?: Record<string, unknown>; "file_paths"?: (Array<string> | null) };

export type RequestedTable = { "name": string; "description"?: (string | Array<string> | null); "columns"?: Array<RequestedColumn> };

export type RowColumn = { "name": string; "type": string; "masked": boolean };

export type RowPage = { "table_id": string; "name": string; "columns": Array<RowColumn>; "rows": Array<Record<string, unknown>>; "total_rows": number; "matching_rows": number; "offset": number };

export type RuleOut = { "table": string; "kind": string; "columns": Array<string>; "operator": (string | null); "value": unknown; "expression": (string | null); "origin": "declared" | "detected" | "proposed" | "refused"; "enabled": boolean; "support": (number | null); "share": (number | null); "counter_examples": Array<string> };

export type RunState = { "run_id": string; "status": string; "endpoints": Array<string>; "replications": Array<string>; "full": boolean; "created_at": string; "started_at": (string | null); "ended_at": (string | null); "url": string };

export type SavedSource = { "name": string; "tables"?: (Array<string> | null); "read"?: "now" | "stored" };

export type SessionAnswer = { "session_id": string; "status": "processing" | "completed" | "error"; "state": "queued" | "reading" | "fitting" | "generating" | "checking" | "exporting" | "completed" | "failed" | "cancelled"; "progress": SessionProgress; "revision": number; "seed": (number | null); "engine": string; "engine_version": (string | null); "output_format": "json" | "csv" | "excel" | "sql" | "parquet"; "tables": Array<SessionTable>; "quality": (QualitySummary | null); "output_files": Array<string>; "warnings": Array<SessionWarning>; "error": (string | null); "error_code": (string | null); "error_hint": (string | null); "cancel_asked": boolean; "may_run_again": boolean; "pinned": boolean; "owner": string; "run_id": (string | null); "created_at": string; "started_at": (string | null); "finished_at": (string | null); "expires_at": (string | null); "data": (Record<string, Array<Record<string, unknown>>> | null); "truncated": Array<string> };

export type SessionExport = { "export_id": string; "format": ("json" | "csv" | "excel" | "sql" | "parquet" | "database"); "options": Record<string, unknown>; "target": (Record<string, unknown> | null); "state": "queued" | "exporting" | "committing" | "completed" | "failed" | "cancelled"; "cancel_asked": boolean; "written": (Record<string, number> | null); "warnings": Array<SessionWarning>; "error": (string | null); "error_code": (string | null); "files": Array<SessionFile>; "created_at": string; "finished_at": (string | null) };

export type SessionFile = { "name": string; "kind": string; "media_type": string; "size": number; "sha256": string; "table": (string | null); "rows": (number | null); "export_id": (string | null); "created_at": string; "url": string };

export type SessionFiles = { "files": Array<SessionFile>; "exports": Array<SessionExport> };

export type SessionList = { "items": Array<SessionOut>; "next_cursor": (string | null); "counts": Record<string, number> };

export type SessionOut = { "session_id": string; "status": "processing" | "completed" | "error"; "state": "queued" | "reading" | "fitting" | "generating" | "checking" | "exporting" | "completed" | "failed" | "cancelled"; "progress": SessionProgress; "revision": number; "seed": (number | null); "engine": string; "engine_version": (string | null); "output_format": "json" | "csv" | "excel" | "sql" | "parquet"; "tables": Array<SessionTable>; "quality": (QualitySummary | null); "output_files": Array<string>; "warnings": Array<SessionWarning>; "error": (string | null); "error_code": (string | null); "error_hint": (string | null); "cancel_asked": boolean; "may_run_again": boolean; "pinned": boolean; "owner": string; "run_id": (string | null); "created_at": string; "started_at": (string | null); "finished_at": (string | null); "expires_at": (string | null) };

export type SessionProgress = { "stage": string; "step": string; "table": string; "done": number; "total": number; "percent": number; "eta_s": (number | null) };

export type SessionReport = { "session_id": string; "schema_only": boolean; "summary": (QualitySummary | null); "quality": (Record<string, unknown> | null); "privacy": (Record<string, unknown> | null); "relations": Array<Record<string, unknown>>; "rules": Array<Record<string, unknown>>; "sources": Array<Record<string, unknown>> };

export type SessionRows = { "table": string; "columns": Array<string>; "rows": Array<Record<string, unknown>>; "total": number; "next_offset": (number | null) };

export type SessionTable = { "name": string; "rows": number; "columns": number };

export type SessionWarning = { "code": string; "message": string; "table": (string | null); "column": (string | null); "count": number };

export type SignIn = ({ "token": string } | { "code": string });

export type SignInLink = { "code": string; "role": "viewer" | "operator" | "admin"; "expires_at": string };

export type SignedIn = { "id": string; "role": "viewer" | "operator" | "admin"; "user_agent": string; "created_at": string; "used_at": string; "is_this": boolean };

export type SignedInList = { "items": Array<SignedIn> };

export type SignedOut = { "sessions": number };

export type SourceHistory = { "revisions": Array<SourceRevisionOut> };

export type SourceIn = { "name": string; "type": string; "config"?: Record<string, unknown>; "description"?: string };

export type SourceOut = { "name": string; "type": string; "description": string; "origin": "file" | "saved"; "place": (string | null); "problem": (string | null); "config": Record<string, unknown>; "secrets_set": Array<string>; "revision": (number | null); "created_at": (string | null); "created_by": (string | null); "updated_at": (string | null); "last_test": (LastTest | null); "last_read": (ReadOut | null); "held": (HeldRead | null) };

export type SourcePatch = { "name"?: (string | null); "config"?: (Record<string, unknown> | null); "description"?: (string | null) };

export type SourceRevisionOut = { "revision": number; "action": "created" | "changed" | "removed"; "name": string; "type": string; "config": Record<string, unknown>; "secrets_set": Array<string>; "changed_by": string; "changed_at": string };

export type Sources = { "sources": Array<SourceOut> };

export type StandingAlert = { "subject": string; "kind": string; "raised_at": string; "sentence": string };

export type SyncOrder = { "endpoints"?: (Array<string> | null) };

export type SyncState = { "endpoint": string; "title": string; "type": string; "state": string; "last_sync": (LastSync | null); "last_success": (string | null); "next_due": (string | null); "held_sync_id": (string | null); "held_digest": (string | null); "running_since": (string | null); "files_total": number; "bytes_total": number; "error": (string | null); "breaker": (Breaker | null) };

export type SyncStates = { "endpoints": Array<SyncState>; "replications": Array<ReplicationState>; "runs": Array<RunState> };

export type TableFound = { "name": string; "kind": string; "rows_estimate": (number | null); "bytes": (number | null); "description": (string | null); "primary_key": Array<string>; "unique_keys": Array<Array<string>>; "columns": Array<ColumnSeen>; "relations": Array<RelationOut> };

export type TableList = { "items": Array<TableSummary>; "next_cursor": (string | null) };

export type TableOut = { "id": string; "name": string; "source": string; "upload_id": (string | null); "state": "current" | "held" | "replaced"; "held_reason": (string | null); "day": string; "rows": number; "bytes": number; "columns": number; "primary_key": Array<string>; "content_hash": string; "warnings": number; "created_at": string; "description": (string | null); "primary_key_origin": (string | null); "unique_keys": Array<Array<string>>; "checks": Array<string>; "schema": Array<ColumnOut>; "relations": Array<RelationOut>; "reading_warnings": Array<WarningOut>; "lineage": Lineage };

export type TableSeen = { "name": string; "rows_estimate": (number | null); "readable": boolean; "problem": (string | null) };

export type TableSummary = { "id": string; "name": string; "source": string; "upload_id": (string | null); "state": "current" | "held" | "replaced"; "held_reason": (string | null); "day": string; "rows": number; "bytes": number; "columns": number; "primary_key": Array<string>; "content_hash": string; "warnings": number; "created_at": string };

export type TablesTogether = { "tables": Array<TogetherTable>; "relations": Array<RelationOut>; "rules": Array<RuleOut> };

export type TogetherOrder = ({ "uploads": unknown } | { "sources": unknown });

export type TogetherTable = { "id": string; "name": string; "source": string; "upload_id": (string | null); "rows": number; "primary_key": Array<string>; "columns": Array<ColumnOut> };

export type UploadContent = { "filename": string; "content": Array<Record<string, unknown>>; "total_rows": number; "columns": Array<string>; "types": Record<string, string>; "table": string; "tables": Array<string>; "masked": Array<string>; "warnings": Array<WarningOut> };

export type UploadOut = { "upload_id": string; "filename": string; "original_name": string; "path": string; "size": (number | null); "received": number; "sha256": (string | null); "format": (string | null); "state": string; "reading": ReadingChoices; "problem": (string | null); "refusal": (string | null); "refusal_code": (string | null); "tables": Array<Record<string, unknown>>; "warnings": Array<Record<string, unknown>>; "created_at": string; "expires_at": string };

export type Uploads = { "uploads": Array<UploadOut> };

export type ValidationAnswer = { "session_id": (string | null); "quality_score": number; "metrics": Record<string, (number | null)>; "quality": Record<string, unknown>; "privacy": (Record<string, unknown> | null); "notice": string };

export type WaitingChange = { "change": string; "path": string; "external_id": string; "before": (Record<string, unknown> | null); "after": (Record<string, unknown> | null) };

export type WarningOut = { "code": string; "message": string; "count": number; "column": (string | null); "examples": Array<string> };

export interface Operations {
  "GET /api/about": { answer: About };
  "GET /api/changes": { query: { "limit"?: number; "cursor"?: (string | null); "endpoint"?: Array<string>; "since"?: (string | null); "until"?: (string | null); "kind"?: Array<"added" | "modified" | "moved" | "removed" | "restored" | "permissions_changed" | "left_scope">; "folder"?: (string | null) }; answer: JournalPage };
  "GET /api/changes/export": { query: { "endpoint"?: Array<string>; "since"?: (string | null); "until"?: (string | null); "kind"?: Array<"added" | "modified" | "moved" | "removed" | "restored" | "permissions_changed" | "left_scope">; "folder"?: (string | null) }; answer: unknown };
  "GET /api/changes/histogram": { query: { "endpoint"?: Array<string>; "since": string; "until": string }; answer: ChangeHistogram };
  "GET /api/compare": { query: { "limit"?: number; "cursor"?: (string | null); "endpoint": string; "before"?: (string | null); "after"?: (string | null); "kind"?: Array<"added" | "modified" | "moved" | "removed" | "restored" | "permissions_changed" | "left_scope">; "folder"?: (string | null) }; answer: MomentComparison };
  "GET /api/connectors/available": { answer: Connectors };
  "POST /api/connectors/discover": { body: ConnectionIn; answer: Discovery };
  "POST /api/connectors/test": { body: ConnectionIn; answer: ConnectionTest };
  "GET /api/events": { query: { "since"?: (string | null) }; answer: unknown };
  "GET /api/files": { query: { "limit"?: number; "cursor"?: (string | null); "endpoint"?: Array<string>; "folder"?: (string | null); "direct"?: boolean; "q"?: (string | null); "kind"?: Array<"file" | "folder" | "shortcut" | "document">; "owner"?: (string | null); "hash"?: (string | null); "min_size"?: (number | null); "max_size"?: (number | null); "changed_since"?: (string | null); "changed_before"?: (string | null); "deleted"?: boolean; "as_of"?: (string | null); "sort"?: "path" | "size" | "modified"; "descending"?: boolean; "offset"?: number; "count"?: "none" | "estimate" | "exact" }; answer: BrowsePage };
  "GET /api/files/export": { query: { "endpoint"?: Array<string>; "folder"?: (string | null); "direct"?: boolean; "q"?: (string | null); "kind"?: Array<"file" | "folder" | "shortcut" | "document">; "owner"?: (string | null); "hash"?: (string | null); "min_size"?: (number | null); "max_size"?: (number | null); "changed_since"?: (string | null); "changed_before"?: (string | null); "deleted"?: boolean; "as_of"?: (string | null); "sort"?: "path" | "size" | "modified"; "descending"?: boolean; "format"?: "csv" | "arrow" }; answer: unknown };
  "GET /api/files/tree": { query: { "limit"?: number; "cursor"?: (string | null); "endpoint": string; "parent"?: (string | null); "folders"?: boolean; "as_of"?: (string | null) }; answer: FolderListing };
  "GET /api/files/{endpoint}/{external_id}": { path: { "endpoint": string; "external_id": string }; answer: FileDetails };
  "GET /api/growth": { answer: Growth };
  "GET /api/held": { answer: HeldItems };
  "GET /api/limits": { answer: Limits };
  "GET /api/me": { answer: Me };
  "GET /api/overview": { answer: Overview };
  "GET /api/reads/{read_id}": { path: { "read_id": string }; answer: ReadOut };
  "POST /api/reads/{read_id}/cancel": { path: { "read_id": string }; answer: ReadOut };
  "POST /api/sdv/generate": { body: GenerationRequest; answer: GenerationAnswer };
  "GET /api/sdv/health": { answer: GenerationHealth };
  "GET /api/sdv/sessions": { query: { "limit"?: number; "cursor"?: (string | null); "state"?: Array<"queued" | "reading" | "fitting" | "generating" | "checking" | "exporting" | "completed" | "failed" | "cancelled"> }; answer: SessionList };
  "DELETE /api/sdv/sessions/{session_id}": { path: { "session_id": string }; answer: unknown };
  "POST /api/sdv/sessions/{session_id}/cancel": { path: { "session_id": string }; answer: SessionOut };
  "GET /api/sdv/sessions/{session_id}/events": { path: { "session_id": string }; query: { "after"?: number }; answer: unknown };
  "POST /api/sdv/sessions/{session_id}/export": { path: { "session_id": string }; body: (FileExportOrder | DatabaseExportOrder); answer: SessionExport };
  "GET /api/sdv/sessions/{session_id}/exports/{export_id}": { path: { "session_id": string; "export_id": string }; answer: SessionExport };
  "POST /api/sdv/sessions/{session_id}/exports/{export_id}/cancel": { path: { "session_id": string; "export_id": string }; answer: SessionExport };
  "GET /api/sdv/sessions/{session_id}/files": { path: { "session_id": string }; answer: SessionFiles };
  "GET /api/sdv/sessions/{session_id}/files/{name}": { path: { "session_id": string; "name": string }; answer: unknown };
  "POST /api/sdv/sessions/{session_id}/pin": { path: { "session_id": string }; body: PinOrder; answer: SessionOut };
  "GET /api/sdv/sessions/{session_id}/report": { path: { "session_id": string }; answer: SessionReport };
  "POST /api/sdv/sessions/{session_id}/rerun": { path: { "session_id": string }; answer: SessionOut };
  "GET /api/sdv/sessions/{session_id}/rows": { path: { "session_id": string }; query: { "table": string; "limit"?: number; "offset"?: number }; answer: SessionRows };
  "GET /api/sdv/status/{session_id}": { path: { "session_id": string }; query: { "include"?: "data" | "none" }; answer: SessionAnswer };
  "POST /api/sdv/validate": { body: Record<string, unknown>; answer: ValidationAnswer };
  "POST /api/sdv/validate-request": { body: unknown; answer: RequestVerdict };
  "GET /api/sources": { answer: Sources };
  "POST /api/sources": { body: SourceIn; answer: SourceOut };
  "DELETE /api/sources/{name}": { path: { "name": string }; answer: unknown };
  "GET /api/sources/{name}": { path: { "name": string }; answer: SourceOut };
  "PATCH /api/sources/{name}": { path: { "name": string }; body: SourcePatch; answer: SourceOut };
  "PUT /api/sources/{name}": { path: { "name": string }; body: SourceIn; answer: SourceOut };
  "POST /api/sources/{name}/approve": { path: { "name": string }; body: HeldDecision; answer: SourceOut };
  "GET /api/sources/{name}/history": { path: { "name": string }; answer: SourceHistory };
  "POST /api/sources/{name}/read": { path: { "name": string }; body: ReadOrder; answer: ReadOut };
  "GET /api/sources/{name}/reads": { path: { "name": string }; answer: Reads };
  "POST /api/sources/{name}/reject": { path: { "name": string }; body: HeldDecision; answer: SourceOut };
  "GET /api/syncs": { query: { "endpoint": string; "limit"?: number; "since"?: (string | null); "until"?: (string | null) }; answer: PastSyncs };
  "GET /api/tables": { query: { "limit"?: number; "cursor"?: (string | null); "source"?: (string | null); "upload"?: (string | null); "state"?: ("current" | "held" | "replaced" | null) }; answer: TableList };
  "POST /api/tables/together": { body: TogetherOrder; answer: TablesTogether };
  "GET /api/tables/{table_id}": { path: { "table_id": string }; query: { "reveal"?: boolean }; answer: TableOut };
  "POST /api/tables/{table_id}/relations": { path: { "table_id": string }; body: RelationDecision; answer: TableOut };
  "GET /api/tables/{table_id}/rows": { path: { "table_id": string }; query: { "reveal"?: boolean; "where"?: (string | null); "columns"?: (string | null); "order"?: (string | null); "limit"?: number; "offset"?: number }; answer: RowPage };
  "POST /api/upload/file": { answer: UploadOut };
  "GET /api/upload/file/{filename}/content": { path: { "filename": string }; query: { "max_rows"?: number; "table"?: (string | null); "offset"?: number; "reveal"?: boolean }; answer: UploadContent };
  "GET /api/uploads": { query: { "limit"?: number }; answer: Uploads };
  "DELETE /api/uploads/{upload_id}": { path: { "upload_id": string }; answer: unknown };
  "GET /api/uploads/{upload_id}": { path: { "upload_id": string }; answer: UploadOut };
  "PUT /api/uploads/{upload_id}/reading": { path: { "upload_id": string }; body: ReadingChoices; answer: UploadOut };
  "POST /console/links": { body: LinkFor; answer: SignInLink };
  "DELETE /console/session": { answer: SignedOut };
  "GET /console/session": { answer: ConsoleSession };
  "POST /console/session": { body: SignIn; answer: ConsoleSession };
  "DELETE /console/sessions": { answer: SignedOut };
  "GET /console/sessions": { answer: SignedInList };
  "DELETE /console/sessions/{session_id}": { path: { "session_id": string }; answer: SignedOut };
  "GET /endpoints": { answer: Endpoints };
  "POST /endpoints/{name}/approve": { path: { "name": string }; body: Approval; answer: Decision };
  "GET /endpoints/{name}/changes": { path: { "name": string }; query: { "limit"?: number; "cursor"?: (string | null); "since"?: (string | null); "until"?: (string | null) }; answer: ChangeList };
  "POST /endpoints/{name}/check": { path: { "name": string }; answer: ConnectionOut };
  "GET /endpoints/{name}/files": { path: { "name": string }; query: { "limit"?: number; "cursor"?: (string | null); "path"?: (string | null) }; answer: FileList };
  "GET /endpoints/{name}/held": { path: { "name": string }; query: { "limit"?: number; "offset"?: number }; answer: HeldSyncPage };
  "POST /endpoints/{name}/reject": { path: { "name": string }; body: Rejection; answer: Decision };
  "GET /health": { answer: Health };
  "GET /metrics": { answer: unknown };
  "GET /openapi.json": { answer: Document };
  "GET /ready": { answer: Readiness };
  "GET /replications": { answer: ReplicationStates };
  "GET /replications/{name}": { path: { "name": string }; answer: ReplicationState };
  "POST /replications/{name}/approve": { path: { "name": string }; body: PlanDecision; answer: LaunchedRuns };
  "GET /replications/{name}/files": { path: { "name": string }; query: { "limit"?: number; "cursor"?: (string | null) }; answer: ReplicaFileList };
  "GET /replications/{name}/held": { path: { "name": string }; answer: PlanPreviewOut };
  "POST /replications/{name}/plan": { path: { "name": string }; body: PlanOrder; answer: PlanPreviewOut };
  "GET /replications/{name}/plans": { path: { "name": string }; query: { "limit"?: number; "cursor"?: (string | null) }; answer: PlanList };
  "GET /replications/{name}/plans/{plan_id}/operations": { path: { "name": string; "plan_id": number }; query: { "limit"?: number; "cursor"?: (string | null); "state"?: Array<"planned" | "running" | "done" | "failed" | "stale" | "skipped" | "foreign"> }; answer: OperationList };
  "GET /replications/{name}/problems": { path: { "name": string }; query: { "limit"?: number; "cursor"?: (string | null) }; answer: ProblemList };
  "POST /replications/{name}/reject": { path: { "name": string }; body: PlanDecision; answer: RejectedPlan };
  "POST /replications/{name}/run": { path: { "name": string }; answer: LaunchedRuns };
  "GET /reports": { answer: ReportKinds };
  "GET /reports/{name}": { path: { "name": "duplicates" | "storage_by_type" | "storage_by_owner" | "storage_by_age" | "exposure" | "stale_files" | "biggest_files" | "activity" }; query: { "limit"?: number; "cursor"?: (string | null); "day"?: (string | null); "picture"?: boolean }; answer: ReportRows };
  "GET /reports/{name}/export": { path: { "name": "duplicates" | "storage_by_type" | "storage_by_owner" | "storage_by_age" | "exposure" | "stale_files" | "biggest_files" | "activity" }; query: { "day"?: (string | null) }; answer: unknown };
  "GET /search": { query: { "limit"?: number; "cursor"?: (string | null); "path"?: (string | null); "q"?: (string | null); "endpoint"?: Array<string>; "owner"?: (string | null); "hash"?: (string | null); "min_size"?: (number | null); "max_size"?: (number | null); "modified_after"?: (string | null); "modified_before"?: (string | null) }; answer: FileList };
  "POST /sync/incremental": { body: SyncOrder; answer: LaunchedRuns };
  "POST /sync/initial": { body: SyncOrder; answer: LaunchedRuns };
  "GET /sync/status": { query: { "endpoint"?: Array<string>; "run_id"?: Array<string> }; answer: SyncStates };
  "GET /webhooks/{name}": { path: { "name": string }; query: { "challenge": string }; answer: unknown };
  "POST /webhooks/{name}": { path: { "name": string }; query: { "validationToken"?: (string | null) }; body: Record<string, unknown>; answer: Hint };
}
