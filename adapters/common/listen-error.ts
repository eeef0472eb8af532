/** Why a listener could not open, with what to do about it. */
export function listenError(protocol: 'udp' | 'tcp', host: string, port: number, error: Error): Error {
  const { code } = error as NodeJS.ErrnoException
  const where = `${protocol} ${host}:${port}`
  if (code === 'EADDRINUSE') return new Error(`${where} is taken: stop the other program, or choose another port`, { cause: error })
  if (code === 'EADDRNOTAVAIL') return new Error(`${where}: this machine does not have the address ${host}`, { cause: error })
  if (code === 'EACCES') return new Error(`${where}: ports below 1024 need more rights; choose a higher one`, { cause: error })
  return new Error(`${where}: ${error.message}`, { cause: error })
}
