/** The last step of a build: compressed copies, and BUILD.json, by which a stale bundle is noticed without Node. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import { sha256, sourcesDigest } from "./hash.ts";
import { licences } from "./licences.ts";

const COMPRESSED = /\.(js|css|svg)$/;

export function bundle(root: string, out: string): Plugin {
  return {
    name: "filesync-bundle",
    apply: "build",
    closeBundle() {
      const assets = join(out, "assets");
      for (const name of readdirSync(assets).filter((one) => COMPRESSED.test(one))) {
        const content = readFileSync(join(assets, name));
        writeFileSync(join(assets, `${name}.gz`), gzipSync(content, { level: 9 }));
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
        writeFileSync(join(assets, `${name}.br`), brotliCompressSync(content, { params }));
      }
      writeFileSync(join(assets, "licences.txt"), licences(root));
      const names = ["index.html", ...readdirSync(assets).map((name) => `assets/${name}`)].sort();
      const files = Object.fromEntries(
        names.map((name) => {
          const content = readFileSync(join(out, name));
          return [name, { sha256: sha256(content), bytes: content.length }];
        }),
      );
      const packages = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, object>;
      const about = {
        sources: sourcesDigest(root),
        versions: { ...packages["dependencies"], ...packages["devDependencies"] },
        files,
      };
      writeFileSync(join(out, "BUILD.json"), `${JSON.stringify(about, null, 1)}\n`);
    },
  };
}
