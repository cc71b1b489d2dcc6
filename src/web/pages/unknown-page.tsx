import { ButtonLink } from "../parts/button.tsx";
import { PageTitle } from "../parts/card.tsx";
import { Empty } from "../parts/empty.tsx";
import { useMe } from "../shell/me.tsx";

export function UnknownPage() {
  const { href } = useMe();
  return (
    <>
      <PageTitle title="There is no such page" />
      <Empty title="The dashboard has nothing at this address">
        <p className="mb-4">Check it for typing errors.</p>
        <ButtonLink href={href("/")} look="primary">
          To the overview
        </ButtonLink>
      </Empty>
    </>
  );
}
