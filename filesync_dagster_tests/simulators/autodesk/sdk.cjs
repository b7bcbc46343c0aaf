// Drives a simulator with Autodesk's own SDK, and prints what it saw. NODE_PATH says where the SDK is.
const { SdkManagerBuilder, ApsConfiguration } = require("@aps_sdk/autodesk-sdkmanager");
const { AuthenticationClient } = require("@aps_sdk/authentication");
const { DataManagementClient } = require("@aps_sdk/data-management");

async function all(ask) {
  const pages = [];
  do {
    pages.push(await ask(pages.length));
  } while (pages.at(-1).links.next);
  return pages;
}

async function main({ base, hub, project, folder, item }) {
  const configuration = new ApsConfiguration({});
  configuration.baseAddress = new URL(base);
  const sdkManager = SdkManagerBuilder.create().addApsConfiguration(configuration).build();
  const scopes = ["data:read", "data:create", "data:write"];
  const token = await new AuthenticationClient({ sdkManager }).getTwoLeggedToken(
    "simulated-client", "simulated-secret", scopes,
  );
  const client = new DataManagementClient({ sdkManager });
  const with_ = (more) => ({ accessToken: token.access_token, ...more });
  const jsonapi = { version: "1.0" };
  const seen = {};

  seen.hubs = (await client.getHubs(with_())).data.map((found) => found.attributes.region);
  const projects = await all((pageNumber) => client.getHubProjects(hub, with_({ pageNumber, pageLimit: 50 })));
  seen.projects = projects.flatMap((page) => page.data).length;
  const top = await client.getProjectTopFolders(hub, project, with_({ excludeDeleted: true }));
  seen.top = top.data.map((found) => found.attributes.name);
  const contents = await all((pageNumber) =>
    client.getFolderContents(project, folder, with_({ pageNumber, pageLimit: 200, filterType: ["folders", "items"] })),
  );
  seen.contents = contents.flatMap((page) => page.data).length;
  seen.tips = contents.flatMap((page) => page.included).length;
  const found = await client.getItem(project, item, with_({ includePathInProject: true }));
  seen.path = found.data.attributes.pathInProject;
  seen.size = found.included[0].attributes.storageSize;
  const versions = await client.getItemVersions(project, item, with_());
  seen.versions = versions.data.map((version) => version.attributes.versionNumber);
  const first = await client.getVersion(project, versions.data[1].id, with_());
  seen.first = (await client.getVersionItem(project, first.data.id, with_())).data.id === item;

  const extension = { type: "folders:autodesk.bim360:Folder", version: "1.0" };
  const parent = { data: { type: "folders", id: folder } };
  const created = await client.createFolder(
    project,
    { jsonapi, data: { type: "folders", attributes: { name: "New", extension }, relationships: { parent } } },
    with_(),
  );
  seen.created = created.data.attributes.name;
  const hidden = { jsonapi, data: { type: "folders", id: created.data.id, attributes: { hidden: true } } };
  seen.hidden = (await client.patchFolder(project, created.data.id, hidden, with_())).data.attributes.hidden;
  const mark = { type: "versions:autodesk.core:Deleted", version: "1.0" };
  const deleted = await client.createVersion(
    project,
    {
      jsonapi,
      data: {
        type: "versions",
        attributes: { name: "deleted", extension: mark },
        relationships: { item: { data: { type: "items", id: item } } },
      },
    },
    with_(),
  );
  seen.deleted = [deleted.included[0].attributes.hidden, deleted.data.attributes.versionNumber];
  seen.search = await client.getFolderSearch(project, folder, with_()).then(
    () => 200,
    (error) => error.axiosError.response.status,
  );
  process.stdout.write(JSON.stringify(seen));
}

if (process.argv[2] !== "--look") {
  // The SDK logs to standard output; ours is the only thing that belongs there.
  console.log = console.info = console.warn = console.error;
  main(JSON.parse(process.argv[2])).catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
}
