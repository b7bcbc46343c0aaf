"""Microsoft Graph: libraries of SharePoint, and OneDrive for Business. One connector, two types.

`sharepoint` and `onedrive` have the CONNECTOR of each type and are light. Inside: `source` is the connector; `layout`
knows the drives of an endpoint, `listing` and `changes` read their deltas through `api`, `tokens` proves who asks,
`rows` turns items into rows, `content` reads files; `errors` is the table of what Graph may say instead.
"""
