"""What Dagster is asked over GraphQL, and told. The answer to a mutation is called `answer` in each of them."""

RUN_FRAGMENT = """
fragment run on Run {
  id status jobName creationTime startTime endTime parentRunId rootRunId canTerminate
  tags { key value } assetSelection { path } assetCheckSelection { assetKey { path } }
  repositoryOrigin { repositoryLocationName }
}
"""
RUNS_QUERY = """
query ($limit: Int, $cursor: String, $filter: RunsFilter, $ours: RunsFilter, $live: RunsFilter) {
  runsOrError(limit: $limit, cursor: $cursor, filter: $filter) {
    __typename ... on Error { message } ... on Runs { results { ...run } }
  }
  ours: runsOrError(limit: $limit, cursor: $cursor, filter: $ours) { ... on Runs { results { id } } }
  live: runsOrError(limit: $limit, cursor: $cursor, filter: $live) { ... on Runs { results { id } } }
}
"""
RUN_QUERY = """
query ($id: ID!, $ours: RunsFilter, $live: RunsFilter) {
  runOrError(runId: $id) { __typename ... on Error { message } ...run }
  ours: runsOrError(filter: $ours) { ... on Runs { results { id } } }
  live: runsOrError(filter: $live) { ... on Runs { results { id } } }
}
"""
NODES_QUERY = """
query ($keys: [AssetKeyInput!]) {
  assetNodes(assetKeys: $keys) { assetKey { path } isExecutable jobNames repository { name location { name } } }
}
"""
LAUNCH_MUTATION = """
mutation ($params: ExecutionParams!) {
  answer: launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { id } }
    ... on Error { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
REEXECUTE_MUTATION = """
mutation ($params: ReexecutionParams!) {
  answer: launchRunReexecution(reexecutionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { id } }
    ... on Error { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
DELETE_MUTATION = "mutation ($id: String!) { answer: deleteRun(runId: $id) { __typename ... on Error { message } } }"
TERMINATE_MUTATION = """
mutation ($id: String!, $policy: TerminateRunPolicy) {
  answer: terminateRun(runId: $id, terminatePolicy: $policy) {
    __typename ... on Error { message } ... on TerminateRunFailure { message }
  }
}
"""
DAEMONS_QUERY = """
{ instance { daemonHealth { allDaemonStatuses {
  daemonType required healthy lastHeartbeatTime lastHeartbeatErrors { message }
} } } }
"""
LOCATIONS_QUERY = """
{ workspaceOrError { ... on Workspace { locationEntries {
  name locationOrLoadError {
    ... on PythonError { className message }
    ... on RepositoryLocation { repositories {
      allTopLevelResourceDetails { name configuredValues { key value } }
    } }
  }
} } } }
"""
RELOAD_MUTATION = """
mutation ($name: String!) {
  answer: reloadRepositoryLocation(repositoryLocationName: $name) {
    __typename
    ... on Error { message }
    ... on ReloadNotSupported { message }
    ... on RepositoryLocationNotFound { message }
    ... on WorkspaceLocationEntry { locationOrLoadError { __typename ... on PythonError { message } } }
  }
}
"""
