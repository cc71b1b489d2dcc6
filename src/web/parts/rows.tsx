import { type ReactNode, useEffect } from "react";
import type { List } from "../api/queries.ts";
import { Button } from "./button.tsx";
import { Failure } from "./failure.tsx";
import { SkeletonLines } from "./skeleton.tsx";

export interface Column<T> {
  title: string;
  /** The first column names the row. What is null leaves no line where rows are cards. */
  cell: (row: T) => ReactNode;
  /** Numbers stand at the end of their column. */
  isNumber?: boolean;
  /** Where it can be left out for lack of room, though not on cards. */
  isMinor?: boolean;
}

export interface RowsProps<T> {
  /** What the table shows, for those who do not see it. */
  caption: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string;
}

/** A table, and a list of cards where there is no room for one. */
export function Rows<T>({ caption, columns, rows, keyOf }: RowsProps<T>) {
  return (
    <div className="overflow-x-auto border-t border-line first:border-t-0 md:px-2">
      {/* The roles are those that it has anyway, until it is displayed as a list of cards. */}
      <table role="table" className="rows w-full border-collapse text-sm">
        <caption className="sr-only">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ title, isNumber, isMinor }) => (
              <th
                key={title}
                role="columnheader"
                scope="col"
                className={`px-3 py-2.5 font-medium whitespace-nowrap text-soft ${isNumber ? "text-right" : "text-left"} ${isMinor ? "md:max-xl:hidden" : ""}`}
              >
                {title || <span className="sr-only">Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr
              key={keyOf(row)}
              role="row"
              className="border-t border-line max-md:first:border-t-0 md:hover:bg-raised/50"
            >
              {columns.map((column, index) => (
                <Cell key={column.title} column={column} row={row} isFirst={index === 0} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell<T>({ column, row, isFirst }: { column: Column<T>; row: T; isFirst: boolean }) {
  const { title, cell, isNumber, isMinor } = column;
  const content = cell(row);
  const isEmpty = content === null || content === undefined || content === "";
  // Buttons are higher than text: with less around them they stand on its line.
  const space = title === "" ? "md:py-1" : "md:py-2.5";
  const className = `align-top md:px-3 ${space} ${isNumber ? "tabular-nums whitespace-nowrap md:text-right" : "md:text-left"} ${isMinor ? "md:max-xl:hidden" : ""}`;
  if (isFirst) {
    return (
      <th role="rowheader" scope="row" className={`text-left font-medium ${className}`}>
        {content}
      </th>
    );
  }
  return (
    <td role="cell" data-title={title} data-empty={isEmpty || undefined} className={className}>
      {content}
    </td>
  );
}

/**
 * A list of the API as a table, page after page. A page may be empty and yet not the last, where much was left out of it: then the
 * next is asked for, until there is something to show.
 * @param empty stands there when there is nothing.
 */
export function ListRows<T>({
  list: { items, query },
  empty,
  ...rest
}: Omit<RowsProps<T>, "rows"> & { list: List<T>; empty: ReactNode }) {
  const { isFetching, fetchNextPage } = query;
  const isSearching = items.length === 0 && query.hasNextPage && !query.isError;
  useEffect(() => {
    if (isSearching && !isFetching) void fetchNextPage();
  }, [isSearching, isFetching, fetchNextPage]);
  if (query.isPending) return <SkeletonLines />;
  if (query.isError && items.length === 0) {
    return (
      <div className="p-4">
        <Failure
          error={query.error}
          onRetry={() => void (query.hasNextPage ? fetchNextPage() : query.refetch())}
        />
      </div>
    );
  }
  if (isSearching) {
    return (
      <p role="status" className="animate-pulse px-5 py-10 text-center text-soft">
        Nothing fits so far. Searching on.
      </p>
    );
  }
  if (items.length === 0) return empty;
  return (
    <>
      <Rows {...rest} rows={items} />
      {query.isError && (
        <div className="p-4">
          <Failure error={query.error} onRetry={() => void fetchNextPage()} />
        </div>
      )}
      <div className="border-t border-line p-3 text-center text-sm text-soft">
        {query.hasNextPage ? (
          <Button isBusy={query.isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {query.isFetchingNextPage ? "Loading more" : "Show more"}
          </Button>
        ) : (
          <p>{items.length === 1 ? "That is the only one." : `That is all: ${items.length}.`}</p>
        )}
      </div>
    </>
  );
}
