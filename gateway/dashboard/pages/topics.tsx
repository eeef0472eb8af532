/** Every topic that the broker lets through, as a tree; live while the page is open. */
import type { JSX } from 'preact'
import { useEffect, useReducer, useRef, useState } from 'preact/hooks'
import { delivery } from '../../topic.js'
import type { ParsedTopic } from '../../topic.js'
import { formatAge, formatBytes, formatNumber } from '../format.js'
import { filterProblem } from '../models/topic-filter.js'
import { gist, oneLine, showPayload } from '../models/payload.js'
import { TopicTree, treeRows } from '../models/topic-tree.js'
import type { LastMessage, TopicNode, TreeRow } from '../models/topic-tree.js'
import { go, href } from '../router.js'
import type { PageProps } from '../router.js'
import { store, useStore } from '../store.js'
import { Badge, Button, Empty, Field, Time } from '../ui.js'
import { CopyButton, NotHeard, PageHead, SearchField, counted, useTick } from './parts.js'

/** Rows on the screen at most. */
const most = 500

/** Seconds between two looks at the tree. */
const look = 0.5

export function TopicsPage({ params }: PageProps): JSX.Element {
  const own = useStore((s) => s.topics.everything)
  const filter = params.get('filter') ?? own
  const problem = filterProblem(filter)
  const [paused, setPaused] = useState<number>()
  const [search, setSearch] = useState('')
  const tree = useTree(problem === undefined ? filter : undefined, paused !== undefined)
  useTick(look)
  return (
    <>
      <PageHead
        title="Topics"
        about="Everything that the broker lets through, as it comes. Nothing is listened to while this page is closed."
      >
        <Button pressed={paused !== undefined} onClick={() => setPaused(paused === undefined ? store.now() : undefined)}>
          {paused === undefined ? 'Pause' : 'Go on'}
        </Button>
      </PageHead>
      <div class="fields">
        <FilterField key={filter} filter={filter} own={own} problem={problem} />
        <SearchField label="Find in topics" value={search} onInput={setSearch} placeholder="temperature" />
      </div>
      {paused === undefined ? (
        <NotHeard />
      ) : (
        <p class="note info" role="status">
          <strong>Paused</strong> at <Time time={paused} />. What comes meanwhile is not seen here.
        </p>
      )}
      <Tree tree={tree} search={search} />
    </>
  )
}

/** A tree of what fits the filter; a new one for each filter. */
function useTree(filter: string | undefined, isPaused: boolean): TopicTree {
  const held = useRef<{ filter: string | undefined; tree: TopicTree }>(undefined)
  if (held.current === undefined || held.current.filter !== filter) held.current = { filter, tree: new TopicTree() }
  const { tree } = held.current
  useEffect(() => {
    if (filter === undefined || isPaused) return undefined
    return store.raw(filter, (topic, payload, retained) => tree.take(topic, payload, { retained, at: store.now() }))
  }, [filter, isPaused, tree])
  return tree
}

function FilterField({
  filter,
  own,
  problem
}: {
  readonly filter: string
  readonly own: string
  readonly problem: string | undefined
}): JSX.Element {
  const [text, setText] = useState(filter)
  const wrong = filterProblem(text) ?? problem
  const show = (wanted: string): void => go(href(['topics'], { filter: wanted === own ? undefined : wanted }), { replace: true })
  return (
    <form
      class="with-button"
      onSubmit={(event) => {
        event.preventDefault()
        if (filterProblem(text) === undefined) show(text)
      }}
    >
      <Field label="Topic filter" hint="+ stands for one level, # for all below; # alone for everything but $SYS" error={wrong}>
        {(ids) => (
          <input
            {...ids}
            type="text"
            value={text}
            spellcheck={false}
            autocomplete="off"
            autocapitalize="none"
            onInput={(event) => setText(event.currentTarget.value)}
          />
        )}
      </Field>
      <Button type="submit" why={wrong === undefined ? undefined : 'the filter is not one'}>
        Listen
      </Button>
      {filter === own ? null : <Button onClick={() => show(own)}>Back to {own}</Button>}
    </form>
  )
}

function Tree({ tree, search }: { readonly tree: TopicTree; readonly search: string }): JSX.Element {
  const [, render] = useReducer((count: number, _action: undefined) => count + 1, 0)
  const toggled = useRef(new Map<string, boolean>())
  const [shown, setShown] = useState<string>()
  const [at, setAt] = useState<string>()
  const list = useRef<HTMLUListElement>(null)
  const isOpen = (topic: string, depth: number): boolean => toggled.current.get(topic) ?? depth === 0
  const { rows, more } = treeRows(tree, { isOpen, search, most })
  const open = (topic: string, wanted: boolean): void => {
    toggled.current.set(topic, wanted)
    render(undefined)
  }
  const focus = (row: TreeRow | undefined): void => {
    if (row === undefined) return
    setAt(row.node.topic)
    const place = rows.indexOf(row)
    list.current?.querySelectorAll<HTMLElement>('[role=treeitem]')[place]?.focus()
  }
  const key = (event: KeyboardEvent, row: TreeRow): void => {
    const place = rows.indexOf(row)
    const { node } = row
    const hasChildren = node.children.size > 0
    if (event.key === 'ArrowDown') focus(rows[place + 1])
    else if (event.key === 'ArrowUp') focus(rows[place - 1])
    else if (event.key === 'Home') focus(rows[0])
    else if (event.key === 'End') focus(rows.at(-1))
    else if (event.key === 'ArrowRight') {
      if (row.open) focus(rows[place + 1])
      else if (hasChildren) open(node.topic, true)
    } else if (event.key === 'ArrowLeft') {
      if (row.open) open(node.topic, false)
      else focus(rows.slice(0, place).findLast(({ depth }) => depth < row.depth))
    } else if (event.key === 'Enter' || event.key === ' ') press(row)
    else return
    event.preventDefault()
  }
  const press = ({ node, open: isNow }: TreeRow): void => {
    setAt(node.topic)
    if (node.last !== undefined) setShown(shown === node.topic ? undefined : node.topic)
    else open(node.topic, !isNow)
  }
  if (rows.length === 0)
    return (
      <Empty title={tree.root.topics === 0 ? 'Nothing has come yet' : 'No topic holds this'}>
        <p>
          {tree.root.topics === 0
            ? 'Retained messages come at once, all others when they are sent.'
            : 'Only topics that have had a message are found.'}
        </p>
      </Empty>
    )
  const first = rows.some(({ node }) => node.topic === at) ? at : rows[0]?.node.topic
  return (
    <>
      <p class="muted">
        {counted(tree.root.topics, 'topic')}, {counted(tree.root.total, 'message')}
        {tree.unseen === 0
          ? ''
          : `; ${counted(tree.unseen, 'message')} of further topics not shown: a page holds ${tree.limit}. A narrower filter shows them`}
      </p>
      <ul class="tree" role="tree" aria-label="Topics" ref={list}>
        {rows.map((row) => (
          <li key={row.node.topic} role="none">
            <Row
              row={row}
              focusable={row.node.topic === first}
              isShown={row.node.topic === shown}
              onPress={() => press(row)}
              onToggle={() => open(row.node.topic, !row.open)}
              onKey={(event) => key(event, row)}
            />
            {row.node.topic === shown && row.node.last !== undefined ? <Details node={row.node} /> : null}
          </li>
        ))}
      </ul>
      {more === 0 ? null : <p class="muted">{counted(more, 'more row')} not shown: find by text, or close a level.</p>}
    </>
  )
}

/** Indentation stops here, so that a deep topic stays readable on a phone. */
const deepest = 6

function Row({
  row: { node, depth, open },
  focusable,
  isShown,
  onPress,
  onToggle,
  onKey
}: {
  readonly row: TreeRow
  readonly focusable: boolean
  readonly isShown: boolean
  readonly onPress: () => void
  readonly onToggle: () => void
  readonly onKey: (event: KeyboardEvent) => void
}): JSX.Element {
  const { last } = node
  const hasChildren = node.children.size > 0
  const rate = node.rate.at(store.now())
  return (
    <div
      role="treeitem"
      class={`tree-row depth-${Math.min(depth, deepest)}`}
      tabIndex={focusable ? 0 : -1}
      aria-level={depth + 1}
      aria-expanded={hasChildren ? open : undefined}
      aria-selected={isShown}
      onClick={onPress}
      onKeyDown={onKey}
    >
      <span
        class={hasChildren ? 'twisty' : 'twisty none'}
        aria-hidden="true"
        onClick={(event) => {
          if (!hasChildren) return
          event.stopPropagation()
          onToggle()
        }}
      >
        {hasChildren ? (open ? '▾' : '▸') : ''}
      </span>
      <span class="level">{node.level === '' ? '(empty)' : node.level}</span>
      {hasChildren ? <span class="muted small">{counted(node.topics, 'topic')}</span> : null}
      {last === undefined ? null : (
        <>
          <code class="preview">{preview(node.topic, last)}</code>
          <span class="muted small when">
            {rate === undefined || rate < 0.05 ? '' : `${formatNumber(Number(rate.toPrecision(2)))}/s · `}
            {last.retained ? 'retained' : formatAge(store.now() - last.at)}
          </span>
        </>
      )}
    </div>
  )
}

/** Characters of a payload beside its topic. */
const previewLength = 160

function preview(topic: string, { payload, length }: LastMessage): string {
  if (length === 0) return '(empty)'
  const isWhole = payload.length === length
  const parsed = store.topics.parse(topic)
  const said =
    isWhole && parsed.where === 'root' && (parsed.kind === 'reading' || parsed.kind === 'state') ? gist(parsed.kind, payload) : undefined
  return said === undefined ? oneLine(payload, isWhole, previewLength) : said.slice(0, previewLength)
}

/** QoS and retain flag are known of what is published under the root only: a subscriber is not told. */
function howDelivered(parsed: ParsedTopic): { readonly qos: number; readonly retain: boolean } | undefined {
  return parsed.where === 'root' ? delivery[parsed.kind] : undefined
}

function Details({ node }: { readonly node: TopicNode }): JSX.Element | null {
  const { last, topic } = node
  if (last === undefined) return null
  const parsed = store.topics.parse(topic)
  const how = howDelivered(parsed)
  const isWhole = last.payload.length === last.length
  const shown = showPayload(last.payload, isWhole)
  const rate = node.rate.at(store.now())
  return (
    <div class="card topic-details">
      <p class="topic-name">
        <code>{topic}</code>
      </p>
      <p class="actions">
        <CopyButton text={topic} what="topic" />
        {parsed.where === 'root' ? (
          <a class="button" href={href(parsed.codename === '' ? ['devices', parsed.device] : ['devices', parsed.device, parsed.codename])}>
            {parsed.codename === '' ? parsed.device : `${parsed.device}/${parsed.codename}`}
          </a>
        ) : null}
        {shown.kind === 'bytes' || shown.kind === 'empty' ? null : <CopyButton text={shown.text} what="payload" />}
      </p>
      <dl class="about">
        <dt>Kind</dt>
        <dd>{parsed.where === 'root' ? parsed.kind : parsed.where === 'reserved' ? 'dead letter or $SYS' : 'not of the gateway'}</dd>
        <dt>Last</dt>
        <dd>
          {last.retained ? (
            <>
              retained: it was there when this page came <Time time={last.at} />
            </>
          ) : (
            <Time time={last.at} age />
          )}
        </dd>
        <dt>Retained</dt>
        <dd>{last.retained || how?.retain === true ? <Badge tone="info">retained</Badge> : how === undefined ? 'not known' : 'no'}</dd>
        <dt>QoS</dt>
        <dd>{how === undefined ? 'not known' : how.qos}</dd>
        <dt>Messages</dt>
        <dd>
          {formatNumber(node.count)} seen{rate === undefined ? '' : `, ${formatNumber(Number(rate.toPrecision(2)))} per second`}
        </dd>
        <dt>Payload</dt>
        <dd>
          {formatBytes(last.length)}
          {isWhole ? '' : `, the first ${formatBytes(last.payload.length)} shown`}
          {shown.kind === 'bytes' ? ', not text: shown as bytes' : ''}
        </dd>
      </dl>
      {shown.kind === 'empty' ? (
        <p class="muted">Empty: the topic is no longer retained.</p>
      ) : (
        <pre class="payload" tabIndex={0}>
          {shown.text}
        </pre>
      )}
    </div>
  )
}
