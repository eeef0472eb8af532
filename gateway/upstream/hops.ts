/** How many bridges a message has passed: so a loop comes to its end. Pure. */

/** Of a payload that is JSON, as all under the root are but mirrors. What says nothing has passed none. */
export function hopsOf(members: Readonly<Record<string, unknown>>): number {
  const { hops } = members
  return typeof hops === 'number' && Number.isInteger(hops) && hops > 0 ? hops : 0
}
