/** Where tables stand in the graph: parents left of their children, in columns; near to what they belong to. */

export interface GraphNode {
  name: string;
  column: number;
  row: number;
}

export interface GraphEdge {
  parent: string;
  child: string;
}

const SWEEPS = 4;

/** How far each table is from the tables that have no parents; what only a circle would tell is left out. */
export function depths(names: readonly string[], edges: readonly GraphEdge[]): Map<string, number> {
  const known = new Set(names);
  const parents = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const { parent, child } of edges) {
    if (parent !== child && known.has(parent) && known.has(child)) parents.get(child)?.push(parent);
  }
  const found = new Map<string, number>();
  const onTheWay = new Set<string>();
  const depth = (name: string): number => {
    const there = found.get(name);
    if (there !== undefined) return there;
    if (onTheWay.has(name)) return -1; // a circle: this way leads back
    onTheWay.add(name);
    const deepest = Math.max(-1, ...(parents.get(name) ?? []).map(depth));
    onTheWay.delete(name);
    found.set(name, deepest + 1);
    return deepest + 1;
  };
  for (const name of names) depth(name);
  return found;
}

/** The place of each table; two never share one, and the same tables always stand the same. */
export function layout(names: readonly string[], edges: readonly GraphEdge[]): GraphNode[] {
  const depth = depths(names, edges);
  const columns: string[][] = [];
  for (const name of names) (columns[depth.get(name) ?? 0] ??= []).push(name);
  const near = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const { parent, child } of edges) {
    if (parent === child) continue;
    near.get(parent)?.push(child);
    near.get(child)?.push(parent);
  }
  const place = new Map<string, number>();
  const settle = () => {
    for (const column of columns) for (const [row, name] of (column ?? []).entries()) place.set(name, row);
  };
  settle();
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const column of columns) {
      const wish = new Map(
        (column ?? []).map((name) => {
          const others = (near.get(name) ?? []).filter((one) => depth.get(one) !== depth.get(name)).map((one) => place.get(one) ?? 0);
          return [name, others.length > 0 ? others.reduce((sum, one) => sum + one, 0) / others.length : (place.get(name) ?? 0)] as const;
        }),
      );
      column?.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0) || names.indexOf(a) - names.indexOf(b));
      settle();
    }
  }
  return columns.flatMap((column, at) => (column ?? []).map((name, row) => ({ name, column: at, row })));
}
