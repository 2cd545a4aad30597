const LATIN = 0x80;
const PIECE = 2 ** 13;
/** No byte of UTF-8: what is not text in its own encoding stays none. */
const NO_TEXT = 0xff;
const BIG_ENDIAN_MARK = 0xfeff;
/** Windows-1252 from byte 0x80 on; five bytes have no character. Some TextDecoders take it for Latin-1. */
const WINDOWS = "€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ";
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** How messages call an encoding. */
export const ENCODING_NAMES: Record<string, string> = { "utf-8": "UTF-8", "utf-16": "UTF-16", cp1252: "Windows-1252", "latin-1": "Latin-1" };

/** Turns a text file of another encoding, which comes in pieces, into UTF-8; what is not such text becomes the byte 0xff. */
export interface Transcoder {
  push(bytes: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

/** The transcoder of an encoding; null for UTF-8. */
export function transcoderOf(encoding: string): Transcoder | null {
  if (encoding === "utf-16") return new FromUtf16();
  if (encoding === "cp1252") return ofBytes(WINDOWS);
  if (encoding === "latin-1") return ofBytes("");
  return null;
}

/** The transcoder of an encoding of which each byte is a character: `characters` from byte 0x80 on, then those of Latin-1. */
function ofBytes(characters: string): Transcoder {
  const upper = Array.from({ length: 256 - LATIN }, (_, i) => {
    const character = characters[i] ?? String.fromCharCode(LATIN + i);
    return character === "\0" ? Uint8Array.of(NO_TEXT) : new TextEncoder().encode(character);
  });
  const push = (bytes: Uint8Array): Uint8Array => {
    const found = new Uint8Array(3 * bytes.length);
    let at = 0;
    for (const byte of bytes) {
      if (byte < LATIN) found[at++] = byte;
      else for (const part of upper[byte - LATIN]!) found[at++] = part;
    }
    return found.subarray(0, at);
  };
  return { push, end: () => new Uint8Array() };
}

/** UTF-16 by its byte-order mark, little-endian without one. The mark is kept. */
class FromUtf16 implements Transcoder {
  private isLittle: boolean | null = null;
  /** The bytes of a character whose end has not come. */
  private rest = new Uint8Array();

  push(bytes: Uint8Array): Uint8Array {
    const all = joined([this.rest, bytes]);
    if (this.isLittle === null && all.length >= 2) this.isLittle = ((all[0]! << 8) | all[1]!) !== BIG_ENDIAN_MARK;
    let end = all.length & ~1;
    if (end >= 2 && (this.unit(all, end - 2) & 0xfc00) === 0xd800) end -= 2; // the first half of a pair
    this.rest = all.slice(end);
    return this.encoded(all.subarray(0, end));
  }

  end(): Uint8Array {
    return this.rest.length > 0 ? Uint8Array.of(NO_TEXT) : new Uint8Array();
  }

  private unit(bytes: Uint8Array, at: number): number {
    const [high, low] = this.isLittle === true ? [bytes[at + 1]!, bytes[at]!] : [bytes[at]!, bytes[at + 1]!];
    return (high << 8) | low;
  }

  private encoded(bytes: Uint8Array): Uint8Array {
    const units = Uint16Array.from({ length: bytes.length / 2 }, (_, i) => this.unit(bytes, 2 * i));
    let text = "";
    for (let at = 0; at < units.length; at += PIECE) text += String.fromCharCode(...units.subarray(at, at + PIECE));
    const parts: Uint8Array[] = [];
    for (let lone = text.search(LONE); lone >= 0; lone = text.search(LONE)) {
      parts.push(new TextEncoder().encode(text.slice(0, lone)));
      text = text.slice(lone + 1);
    }
    return joined([...parts, new TextEncoder().encode(text)], Uint8Array.of(NO_TEXT));
  }
}

function joined(parts: readonly Uint8Array[], between = new Uint8Array()): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 0) + between.length * (parts.length - 1);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const [i, part] of parts.entries()) {
    if (i > 0) {
      whole.set(between, at);
      at += between.length;
    }
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
