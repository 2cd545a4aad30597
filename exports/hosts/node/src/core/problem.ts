/** What stands in the way: what was found and expected, what to do about it, and the exit code to end with. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly hint: string;
  readonly exitCode: number;

  constructor(message: string, hint = "", exitCode = 2) {
    super(message);
    this.hint = hint;
    this.exitCode = exitCode;
  }
}
