/** PyExpLabSys refuses these in codenames, in this order, and names the first hit (section 4.3). */
const forbidden = ['#', ',', ';', ':', '&']

/** The refusal, in the words of the original; undefined: the name will do. */
export function codenameRefusal(name: string): string | undefined {
  const hit = forbidden.find((character) => name.includes(character))
  return hit === undefined ? undefined : `The character '${hit}' is not allowed in the codenames`
}
