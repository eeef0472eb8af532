export type Exact = null | boolean | number | bigint | string | readonly Exact[] | ExactMap
export type ExactMap = ReadonlyMap<string, Exact>
