import { byId, element } from "../dom.ts";
import { exact, similar } from "../numbers.ts";
import type { Scale } from "../scale.ts";

const STEPS = 1000;

/** The slider, the number beside it and the way back to the model's own threshold. */
export class ThresholdControl {
  private readonly slider = element("input", { type: "range", id: "threshold-slider", min: "0", max: String(STEPS) });
  private readonly number = element("input", { type: "number", id: "threshold-number", min: "-0.9999999", max: "1" });
  private readonly back = element("button", { type: "button", id: "threshold-back" }, "Back to the model’s threshold");
  private readonly effect = element("output", { id: "threshold-effect" });
  private readonly note = element("p", { className: "hint" });
  private scale: Scale | null = null;
  private own = 0;
  private chosen = 0;
  private expected = "";

  /** @param onChange is called with each new threshold. */
  constructor(private readonly onChange: (threshold: number) => void) {
    this.number.step = "any";
    this.slider.oninput = () => {
      if (this.scale !== null) this.choose(this.scale.similarity(this.slider.valueAsNumber / STEPS));
    };
    this.number.onchange = () => {
      const value = this.number.valueAsNumber;
      // the model contract's own bounds
      if (value > -1 && value <= 1) this.choose(value);
      else this.number.value = exact(this.chosen);
    };
    this.back.onclick = () => this.choose(this.own);
    this.effect.setAttribute("for", "threshold-slider threshold-number");
    byId("threshold", HTMLElement).replaceChildren(
      this.slider,
      element(
        "div",
        { className: "threshold-row" },
        element(
          "div",
          { className: "field" },
          element("label", { htmlFor: "threshold-number" }, "Flag what is less similar than"),
          this.number,
        ),
        this.effect,
        this.back,
      ),
      this.note,
    );
    this.slider.setAttribute("aria-label", "Threshold");
  }

  /** The threshold in force. */
  get threshold(): number {
    return this.chosen;
  }

  /** Whether it is the model's own. */
  get isOwn(): boolean {
    return this.chosen === this.own;
  }

  /** Start at the model's threshold on a new scale; `expected` says what the card promises of it. */
  start(scale: Scale, own: number, expected: string): void {
    this.scale = scale;
    this.own = own;
    this.expected = expected;
    this.choose(own);
  }

  /** Say what the threshold does: `effect` in words. */
  describe(effect: string): void {
    this.effect.textContent = effect;
    this.slider.setAttribute("aria-valuetext", `${similar(this.chosen)}: ${effect}`);
  }

  private choose(threshold: number): void {
    this.chosen = Math.fround(threshold);
    if (this.scale !== null) {
      const step = Math.round(this.scale.position(this.chosen) * STEPS);
      if (step !== this.slider.valueAsNumber) this.slider.value = String(step);
    }
    this.number.value = exact(this.chosen);
    // a disabled button would lose the focus of the keyboard
    this.back.setAttribute("aria-disabled", String(this.isOwn));
    this.note.textContent = this.isOwn
      ? `This is the model’s own threshold${this.expected}. The figures, the rows and the download follow the slider.`
      : `The model’s own threshold is ${exact(this.own)}. The figures, the rows and the download follow yours, ${exact(this.chosen)}.`;
    this.onChange(this.chosen);
  }
}
