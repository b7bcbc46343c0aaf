/** The one place that asks the server. Every operation is one of the API's description (types.d.ts). */
import type { Operations } from "./types";

type Operation = keyof Operations;
type Part<O extends Operation, P extends string> = P extends keyof Operations[O] ? Operations[O][P] : never;
export type Answer<O extends Operation> = Operations[O]["answer"];

/** What an operation takes; `query` may be left out. */
export type Request<O extends Operation> = ([Part<O, "path">] extends [never] ? { path?: undefined } : { path: Part<O, "path"> }) & {
  query?: [Part<O, "query">] extends [never] ? undefined : Partial<Part<O, "query">>;
  body?: [Part<O, "body">] extends [never] ? undefined : Part<O, "body">;
  signal?: AbortSignal;
  /** Besides those of every request: `if-match`. */
  headers?: Record<string, string>;
};

/** What went wrong, in the server's words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly hint: string,
    readonly requestId: string | null,
    readonly retryAfterSeconds: number | null = null,
    /** One word for programs, and the field to correct, where there is one. */
    readonly code: string | null = null,
    readonly field: string | null = null,
  ) {
    super(message);
  }

  /** Whether asking again may help. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const TIMEOUT_MS = 60_000;
let csrf: string | null = null;

/** What is sent with everything that changes something; it comes with the session. */
export function rememberCsrf(value: string | null): void {
  csrf = value;
}

/** What a request that changes something proves itself with, for who sends one without `call`. */
export function proof(): Record<string, string> {
  return csrf ? { "x-filesync-csrf": csrf } : {};
}

/** The address of an operation, relative to where the console is served. */
export function addressOf(operation: Operation, path: Record<string, unknown> = {}, query: Record<string, unknown> = {}): string {
  const template = operation.slice(operation.indexOf(" ") + 1);
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name])));
  const url = new URL(`..${filled}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") url.searchParams.append(name, String(one));
    }
  }
  return url.href;
}

/** The error of an answer: its sentence and hint, where it has them. */
export function problemIn(status: number, body: string, requestId: string | null = null, retryAfter: string | null = null): ApiError {
  const wait = Number(retryAfter) || null;
  try {
    const said = JSON.parse(body) as { error?: string; detail?: string; hint?: string; code?: string | null; field?: string | null };
    const sentence = said.error ?? said.detail ?? `The server answered ${status}.`;
    return new ApiError(status, String(sentence), said.hint ?? "", requestId, wait, said.code ?? null, said.field ?? null);
  } catch {
    return new ApiError(status, `The server answered ${status}.`, "", requestId, wait);
  }
}

async function problemOf(response: Response): Promise<ApiError> {
  return problemIn(response.status, await response.text(), response.headers.get("x-request-id"), response.headers.get("retry-after"));
}

/** Ask an operation. Throws ApiError; status 0: the server does not answer. */
export async function call<O extends Operation>(operation: O, request: Request<O> = {} as Request<O>): Promise<Answer<O>> {
  const method = operation.slice(0, operation.indexOf(" "));
  const headers: Record<string, string> = { accept: "application/json", ...request.headers };
  if (method !== "GET" && csrf) headers["x-filesync-csrf"] = csrf;
  if (request.body !== undefined) headers["content-type"] = "application/json";
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(addressOf(operation, request.path ?? {}, request.query ?? {}), {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      signal: request.signal ? AbortSignal.any([request.signal, timeout]) : timeout,
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw new ApiError(0, "The server does not answer.", "Is `filesync serve` running?", null);
  }
  const isHealth = operation === "GET /health" && response.status === 503; // what it says is in its body
  if (!response.ok && !isHealth) {
    if (response.status === 401) window.dispatchEvent(new Event("filesync:signed-out"));
    throw await problemOf(response);
  }
  return (response.status === 204 ? undefined : await response.json()) as Answer<O>;
}
