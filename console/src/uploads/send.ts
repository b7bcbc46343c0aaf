/** One file on its way: begun by us, sent by tus, which goes on where it was cut. */
import { DetailedError, Upload } from "tus-js-client";
import { ApiError, addressOf, problemIn, proof } from "../api/client";

const RETRY_MS = [0, 1_000, 3_000, 5_000, 10_000, 20_000];

export interface Sending {
  /** Stop sending; what came is kept. */
  stop: () => void;
}

interface Watch {
  onBegun: (id: string) => void;
  onProgress: (sent: number) => void;
  onWaiting: (error: ApiError) => void;
  onDone: () => void;
  onFailed: (error: ApiError) => void;
}

function uploadAddress(id: string): string {
  return addressOf("GET /api/uploads/{upload_id}", { upload_id: id });
}

function base64(text: string): string {
  return btoa(String.fromCodePoint(...new TextEncoder().encode(text)));
}

/** Begin an upload; its id. The answer's Location is not followed: below a proxy's prefix it would lead past it. */
async function begin(file: File, signal: AbortSignal): Promise<string> {
  const headers = { ...proof(), "tus-resumable": "1.0.0", "upload-length": String(file.size), "upload-metadata": `filename ${base64(file.name)}` };
  let response: Response;
  try {
    response = await fetch(addressOf("GET /api/uploads"), { method: "POST", headers, credentials: "same-origin", signal });
  } catch {
    throw new ApiError(0, "The server does not answer.", "Is `filesync serve` running?", null);
  }
  if (!response.ok) throw problemIn(response.status, await response.text(), response.headers.get("x-request-id"), response.headers.get("retry-after"));
  const id = /([0-9a-f]{32})$/.exec(response.headers.get("location") ?? "")?.[1];
  if (!id) throw new ApiError(response.status, "The server did not say which upload it is.", "", response.headers.get("x-request-id"));
  return id;
}

function errorOf(error: Error | DetailedError): ApiError {
  const response = error instanceof DetailedError ? error.originalResponse : null;
  if (!response) return new ApiError(0, "The connection was cut.", "What arrived is kept: try again to go on from there.", null);
  return problemIn(response.getStatus(), response.getBody(), response.getHeader("x-request-id") ?? null, response.getHeader("retry-after") ?? null);
}

/** Whether what went wrong may pass by itself: the server is away or busy, or another page sends the same file. */
export function isPassing(status: number): boolean {
  return status === 0 || status === 409 || status === 423 || status === 429 || status >= 500;
}

/** Send a file, from where `known` is, if that upload is still there. */
export function send(file: File, known: string | undefined, watch: Watch): Sending {
  const stopping = new AbortController();
  let upload: Upload | undefined;
  const go = (id: string, isNew: boolean) => {
    if (stopping.signal.aborted) return;
    upload = new Upload(file, {
      uploadUrl: uploadAddress(id),
      retryDelays: RETRY_MS,
      storeFingerprintForResuming: false,
      removeFingerprintOnSuccess: false,
      onBeforeRequest: (request) => {
        for (const [name, value] of Object.entries(proof())) request.setHeader(name, value);
      },
      onShouldRetry: (error) => {
        const wrong = errorOf(error);
        if (isPassing(wrong.status)) watch.onWaiting(wrong);
        return isPassing(wrong.status) && wrong.status !== 503;
      },
      onProgress: watch.onProgress,
      onSuccess: watch.onDone,
      onError: (error) => {
        const wrong = errorOf(error);
        if (!isNew && (wrong.status === 404 || wrong.status === 410)) start(undefined);
        else watch.onFailed(wrong);
      },
    });
    upload.start();
  };
  const start = (id: string | undefined) => {
    if (id) {
      watch.onBegun(id);
      go(id, false);
      return;
    }
    begin(file, stopping.signal).then(
      (made) => {
        watch.onBegun(made);
        go(made, true);
      },
      (error: unknown) => {
        if (!stopping.signal.aborted) watch.onFailed(error instanceof ApiError ? error : new ApiError(0, String(error), "", null));
      },
    );
  };
  start(known);
  return {
    stop: () => {
      stopping.abort();
      void upload?.abort(false);
    },
  };
}
