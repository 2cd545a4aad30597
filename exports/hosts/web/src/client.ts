import workerUrl from "./worker.ts?worker&url";
import type { Answered, Asked, Calls, Fault, Progress } from "./messages.ts";

/** A call that was refused, with what to tell the person. */
export class Refusal extends Error {
  readonly hint: string;
  readonly cancelled: boolean;

  constructor(fault: Fault) {
    super(fault.message);
    this.hint = fault.hint;
    this.cancelled = fault.cancelled;
  }
}

/** The page's side of the worker: calls that are answered, and reports of progress. */
export class Client {
  private readonly worker = start();
  private readonly waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  private calls = 0;
  private broken: Refusal | null = null;

  constructor(onProgress: (progress: Progress) => void) {
    this.worker.onmessage = ({ data }: MessageEvent<Answered>) => {
      if ("progress" in data) return onProgress(data.progress);
      const call = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if ("fault" in data) call?.reject(new Refusal(data.fault));
      else call?.resolve(data.answer as never);
    };
    this.worker.onerror = (event) => {
      const message = `The page's worker cannot run${event.message ? `: ${event.message}` : ""}.`;
      this.broken = new Refusal({ message, hint: "Load the page again.", cancelled: false });
      for (const { reject } of this.waiting.values()) reject(this.broken);
      this.waiting.clear();
    };
  }

  /** Ask the worker; rejects with a Refusal. */
  call<K extends keyof Calls>(call: K, asked: Calls[K]["asked"]): Promise<Calls[K]["answer"]> {
    if (this.broken !== null) return Promise.reject(this.broken);
    const id = ++this.calls;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, call, asked } as Asked);
    });
  }

  /** Stop the scoring under way, if any; its call is refused as cancelled. */
  cancel(): void {
    this.worker.postMessage("cancel" satisfies Asked);
  }
}

function start(): Worker {
  // A worker from a file has the policy that its server sends, not the page's; one from a blob inherits the page's,
  // so that the worker, too, can connect nowhere else.
  const address = new URL(workerUrl, import.meta.url).href;
  const source = new Blob([`import ${JSON.stringify(address)};`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(source), { type: "module" });
}
