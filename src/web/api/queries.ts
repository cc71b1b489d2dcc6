import {
  type UseInfiniteQueryResult,
  type UseQueryResult,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { call, type Params } from "./call.ts";
import type { Page } from "./types.ts";

/** Anything that the API answers to GET. @param refetchMs how often it is asked again, if at all. */
export function useGet<T>(
  path: string,
  params: Params = {},
  { isEnabled = true, refetchMs }: { isEnabled?: boolean; refetchMs?: number | undefined } = {},
): UseQueryResult<T> {
  return useQuery({
    queryKey: [path, params],
    queryFn: ({ signal }) => call<T>("GET", path, { params, signal }),
    enabled: isEnabled,
    // What was there stays until the other is there, as for another range of time.
    placeholderData: (before: T | undefined, query) =>
      query?.queryKey[0] === path ? (before as never) : undefined,
    ...(refetchMs !== undefined && { refetchInterval: refetchMs }),
  }) as UseQueryResult<T>;
}

export interface List<T> {
  items: readonly T[];
  query: UseInfiniteQueryResult;
}

/** A list of the API, page after page. */
export function useList<T>(path: string, params: Params = {}, { isEnabled = true } = {}): List<T> {
  const query = useInfiniteQuery({
    queryKey: [path, params, "list"],
    queryFn: ({ pageParam, signal }) =>
      call<Page<T>>("GET", path, { params: { ...params, cursor: pageParam }, signal }),
    enabled: isEnabled,
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.nextCursor,
  });
  return {
    items: query.data?.pages.flatMap(({ items }) => items) ?? [],
    query: query as UseInfiniteQueryResult,
  };
}

/**
 * Changes something. Afterwards everything that is shown is asked for anew.
 * @param removes what is gone then, and not to be asked for again.
 */
export function useChange<T, Input = void>(
  change: (input: Input) => Promise<T>,
  { removes }: { removes?: string } = {},
) {
  const client = useQueryClient();
  return useMutation<T, Error, Input>({
    mutationFn: change,
    onSuccess: () => {
      if (removes !== undefined) client.removeQueries({ queryKey: [removes] });
      void client.invalidateQueries();
    },
  });
}
