/**
 * Text of devices and other people on a terminal. What a terminal acts upon (escapes, but also marks that turn the direction of
 * writing, and line ends) never reaches it as it is: a device could otherwise repaint what stands there, or type commands.
 */

/** Controls, formats but for the two joiners of scripts and emoji, lone surrogates, separators of lines. */
const active = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** One line, whatever it was: `\x1b`, `\u{202e}`. */
export function printable(text: string): string {
  return text.replace(active, (found) => {
    const code = found.codePointAt(0) as number
    return short[found] ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`)
  })
}

/** The same text as several lines, each printable. For rows of CSV on a terminal, and for what is said in several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map((line) => printable(line.replace(/\r$/, ''))).join('\n') // prettier-ignore
}

/** JSON that means the same and has nothing in it that acts. Line ends between members stay. */
export function printableJson(json: string): string {
  return json.replace(active, (found) => {
    if (found === '\n') return found
    return Array.from({ length: found.length }, (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')
  })
}

const wide =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u
const none = /[\p{M}\u200c\u200d]/u

/** Columns of a terminal that a printable text takes. */
export function widthOf(text: string): number {
  let width = 0
  for (const letter of text) width += none.test(letter) ? 0 : wide.test(letter) ? 2 : 1
  return width
}

/** At most so many columns; what is cut ends with `…`. */
export function cut(text: string, most: number): string {
  if (text.length <= most && widthOf(text) <= most) return text
  let [kept, width] = ['', 0]
  for (const letter of text) {
    width += widthOf(letter)
    if (width > most - 1) break
    kept += letter
  }
  return `${kept}…`
}

/** Exactly so many columns. */
export function fit(text: string, columns: number, side: 'left' | 'right' = 'left'): string {
  const shown = cut(text, columns)
  const blanks = ' '.repeat(Math.max(0, columns - widthOf(shown)))
  return side === 'left' ? shown + blanks : blanks + shown
}

/** Lines of so many columns at most, cut between words where that can be. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > columns) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
    while (widthOf(line) > columns) {
      const [head, tail] = split(line, columns)
      lines.push(head)
      line = tail
    }
  }
  return [...lines, line]
}

/** One letter at least is before the cut. */
function split(text: string, columns: number): [head: string, tail: string] {
  let [at, width] = [0, 0]
  for (const letter of text) {
    width += widthOf(letter)
    if (width > columns && at > 0) break
    at += letter.length
  }
  return [text.slice(0, at), text.slice(at)]
}
