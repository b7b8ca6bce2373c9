/** The tree of models: only rows in sight are in the document, all are within reach of keys. */
import * as React from 'react';

import { IRow, parentKey } from '../rows';
import { ModelTrees } from '../trees';
import { IIcons, ITranslate } from '../types';
import { Row } from './Row';

export const ROW_HEIGHT = 26;
/** Rows drawn above and below what is in sight, so that scrolling shows no gaps. */
const MARGIN = 8;
/** Height assumed until the browser has laid out the panel. */
const FIRST_HEIGHT = 600;
/** Milliseconds after which typing starts a new word. */
const TYPING_PAUSE = 700;

export interface ITreeProps {
  trees: ModelTrees;
  icons: IIcons;
  trans: ITranslate;
}

export function Tree({ trees, icons, trans }: ITreeProps): JSX.Element {
  const { rows } = trees;
  const box = React.useRef<HTMLDivElement>(null);
  const [activeKey, setActiveKey] = React.useState<string | null>(null);
  const [focusWanted, setFocusWanted] = React.useState(0);
  const view = useView(box);
  const typed = React.useRef({ text: '', at: 0 });

  const wanted = activeKey ?? trees.selected;
  const active = Math.max(
    0,
    rows.findIndex(row => row.key === wanted)
  );
  const first = Math.max(0, Math.floor(view.top / ROW_HEIGHT) - MARGIN);
  const last = Math.min(
    rows.length,
    Math.ceil((view.top + view.height) / ROW_HEIGHT) + MARGIN
  );
  const shown = rows
    .slice(first, last)
    .map((row, place) => ({ row, index: first + place }));
  // The row that holds the focus stays in the document, or the keyboard would be lost; and rows
  // stay in order there, because an element that is moved loses the focus as well.
  if (active < first) {
    shown.unshift({ row: rows[active], index: active });
  } else if (active >= last && active < rows.length) {
    shown.push({ row: rows[active], index: active });
  }

  React.useLayoutEffect(() => {
    if (focusWanted > 0) {
      box.current
        ?.querySelector<HTMLElement>('.jrk-Row[tabindex="0"]')
        ?.focus({ preventScroll: true });
    }
  }, [focusWanted]);

  const selectedAt =
    trees.selected === null ? -1 : rows.findIndex(row => row.key === trees.selected);
  React.useEffect(() => {
    // The details open below the tree and make it lower; the row they speak of stays in sight.
    scrollTo(box.current, selectedAt);
  }, [trees.selected, view.height]);

  const moveTo = (index: number): void => {
    const target = Math.min(rows.length - 1, Math.max(0, index));
    scrollTo(box.current, target);
    setActiveKey(rows[target].key);
    setFocusWanted(count => count + 1);
  };
  const pick = (row: IRow): void => {
    setActiveKey(row.key);
    trees.select(row.key);
    if (row.expanded !== null) {
      trees.toggle(row.key);
    }
  };
  const keys: Record<string, () => void> = {
    ArrowDown: () => moveTo(active + 1),
    ArrowUp: () => moveTo(active - 1),
    Home: () => moveTo(0),
    End: () => moveTo(rows.length - 1),
    PageDown: () => moveTo(active + pageOf(view.height)),
    PageUp: () => moveTo(active - pageOf(view.height)),
    ArrowRight: () =>
      rows[active].expanded === false ? trees.toggle(rows[active].key, true) : moveInto(),
    ArrowLeft: () =>
      rows[active].expanded === true ? trees.toggle(rows[active].key, false) : moveOut(),
    Enter: () => pick(rows[active]),
    ' ': () => pick(rows[active]),
    Escape: () => trees.select(null)
  };
  const moveInto = (): void => {
    if (rows[active].expanded && rows[active + 1]?.level > rows[active].level) {
      moveTo(active + 1);
    }
  };
  const moveOut = (): void => {
    const above = rows.findIndex(row => row.key === parentKey(rows[active].key));
    if (above >= 0) {
      moveTo(above);
    }
  };
  const typeAhead = (letter: string, at: number): void => {
    const fresh = at - typed.current.at > TYPING_PAUSE;
    const text = (fresh ? '' : typed.current.text) + letter.toLowerCase();
    typed.current = { text, at };
    const start = active + (text.length === 1 ? 1 : 0);
    const order = [...rows.keys()].map(place => (start + place) % rows.length);
    const found = order.find(place => rows[place].label.toLowerCase().startsWith(text));
    if (found !== undefined) {
      moveTo(found);
    }
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (rows.length === 0 || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const action = keys[event.key];
    if (action) {
      action();
    } else if (event.key.length === 1) {
      typeAhead(event.key, event.timeStamp);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      ref={box}
      role="tree"
      className="jrk-Tree"
      aria-label={trans.__('Models, variants and iterations')}
      onScroll={view.onScroll}
      onKeyDown={onKeyDown}
    >
      <div
        role="none"
        className="jrk-Tree-rows"
        style={{ height: rows.length * ROW_HEIGHT }}
      >
        {shown.map(({ row, index }) => (
          <Row
            key={row.key}
            row={row}
            top={index * ROW_HEIGHT}
            height={ROW_HEIGHT}
            active={index === active}
            selected={row.key === trees.selected}
            fresh={trees.fresh.has(row.key)}
            metric={trees.metric}
            icons={icons}
            trans={trans}
            onPick={pick}
            onToggle={each => each.expanded !== null && trees.toggle(each.key)}
            onMenu={each => {
              setActiveKey(each.key);
              trees.select(each.key);
            }}
          />
        ))}
      </div>
    </div>
  );
}

/** What part of the tree is in sight, in pixels. */
function useView(box: React.RefObject<HTMLDivElement>): {
  top: number;
  height: number;
  onScroll(event: React.UIEvent): void;
} {
  const [top, setTop] = React.useState(0);
  const [height, setHeight] = React.useState(FIRST_HEIGHT);
  React.useLayoutEffect(() => {
    const node = box.current;
    if (node === null || typeof ResizeObserver === 'undefined') {
      return;
    }
    const observer = new ResizeObserver(() =>
      setHeight(node.clientHeight || FIRST_HEIGHT)
    );
    observer.observe(node);
    return () => observer.disconnect();
  }, [box]);
  return { top, height, onScroll: event => setTop(event.currentTarget.scrollTop) };
}

function pageOf(height: number): number {
  return Math.max(1, Math.floor(height / ROW_HEIGHT) - 1);
}

function scrollTo(box: HTMLDivElement | null, index: number): void {
  if (box === null || index < 0) {
    return;
  }
  const top = index * ROW_HEIGHT;
  const bottom = top + ROW_HEIGHT - box.clientHeight;
  if (top < box.scrollTop) {
    box.scrollTop = top;
  } else if (box.clientHeight > 0 && bottom > box.scrollTop) {
    box.scrollTop = bottom;
  }
}
