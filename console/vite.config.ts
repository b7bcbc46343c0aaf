import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { bundle } from "./build/bundle.ts";

const root = fileURLToPath(new URL(".", import.meta.url));
const out = process.env["FILESYNC_CONSOLE_OUT"] ?? fileURLToPath(new URL("../filesync_dagster/web/static", import.meta.url));
const server = process.env["FILESYNC_SERVER"] ?? "http://127.0.0.1:8080";

/** Vendors apart from our own code: a change of ours leaves theirs in every cache, and in git. */
function vendor(id: string): string | undefined {
  if (!id.includes("/node_modules/")) return undefined;
  if (/\/node_modules\/(react|react-dom|scheduler)\//.test(id)) return "react";
  if (/\/node_modules\/(@tanstack|wouter|regexparam|mitt|use-sync-external-store)\//.test(id)) return "query";
  return undefined;
}

export default defineConfig({
  root,
  base: "./",
  plugins: [react(), bundle(root, out)],
  css: { modules: { generateScopedName: "[name]-[local]" } },
  build: {
    outDir: out,
    emptyOutDir: true,
    target: "es2023",
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 600,
    rollupOptions: { output: { manualChunks: vendor } },
  },
  server: {
    port: 5173,
    proxy: Object.fromEntries(
      ["/api", "/endpoints", "/replications", "/sync", "/search", "/reports", "/health", "/console/session"].map((path) => [
        path,
        { target: server, changeOrigin: true, headers: { origin: server } },
      ]),
    ),
  },
});
