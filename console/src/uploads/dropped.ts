/** Files of what somebody dropped: those in folders, too, in the order of their paths. */

const MOST_FILES = 10_000;

async function readAll(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const found: FileSystemEntry[] = [];
  for (;;) {
    // A browser gives some at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) return found;
    found.push(...some);
  }
}

async function filesOf(entry: FileSystemEntry, found: File[]): Promise<void> {
  if (found.length >= MOST_FILES) return;
  if (entry.isFile) {
    found.push(
      await new Promise<File>((resolve, reject) => {
        (entry as FileSystemFileEntry).file(resolve, reject);
      }),
    );
  } else if (entry.isDirectory) {
    const inside = await readAll(entry as FileSystemDirectoryEntry);
    for (const one of inside.sort((a, b) => a.name.localeCompare(b.name))) await filesOf(one, found);
  }
}

/** Whether files are dragged, and not a text or a link. */
export function hasFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes("Files") ?? false;
}

/** The files of a drop. What the system puts into folders of its own (.DS_Store) is left out. */
export async function filesOfDrop(transfer: DataTransfer): Promise<File[]> {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry()); // before anything is awaited: the list is emptied then
  const plain = [...transfer.files];
  const found: File[] = [];
  for (const entry of entries) if (entry) await filesOf(entry, found);
  return withoutHidden(found.length > 0 ? found : plain);
}

export function withoutHidden<T extends { name: string }>(files: readonly T[]): T[] {
  return files.filter((file) => !file.name.startsWith(".") && file.name !== "Thumbs.db" && file.name !== "desktop.ini");
}
