import { sql } from "drizzle-orm";
import { withOwner } from "../../db/owner-connection.ts";

/** Everything that a migration can make in `public`, a line each, so that two schemas can be compared as text. */
export async function readCatalog(url: string): Promise<string[]> {
  return withOwner(url, async (db) => {
    const rows = await db.execute<{ line: string }>(sql`
      with r as (
        select c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relacl, c.relowner
        from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'S', 'v', 'm')
      )
      select format('relation %s kind %s owner %s rls %s/%s', relname, relkind, relowner::regrole, relrowsecurity, relforcerowsecurity) as line from r
      union all
      select format('grant on %s to %s: %s%s', relname, g.grantee::regrole, g.privilege_type, case when g.is_grantable then ' with grant' else '' end)
        from r, aclexplode(r.relacl) g
      union all
      select format('schema grant to %s: %s', case when g.grantee = 0 then 'public' else g.grantee::regrole::text end, g.privilege_type)
        from pg_namespace n, aclexplode(n.nspacl) g where n.nspname = 'public'
      union all
      select format('column %s.%s #%s %s null %s default %s storage %s identity %s', relname, a.attname, rank() over (partition by a.attrelid order by a.attnum), format_type(a.atttypid, a.atttypmod),
          not a.attnotnull, coalesce(pg_get_expr(d.adbin, d.adrelid), '-'), a.attstorage, a.attidentity)
        from r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped and r.relkind <> 'S'
        left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
      union all
      select format('constraint %s on %s: %s', conname, relname, pg_get_constraintdef(k.oid)) from r join pg_constraint k on k.conrelid = r.oid
      union all
      select format('index %s', pg_get_indexdef(i.indexrelid)) from r join pg_index i on i.indrelid = r.oid
      union all
      select format('policy %s on %s for %s to %s using %s check %s', polname, relname, polcmd, array(select x::regrole::text from unnest(polroles) x),
          pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
        from r join pg_policy p on p.polrelid = r.oid
      union all
      select format('trigger %s enabled %s', pg_get_triggerdef(t.oid), t.tgenabled) from r join pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal
      union all
      select format('function %s', pg_get_functiondef(f.oid)) from pg_proc f where f.pronamespace = 'public'::regnamespace
      union all
      select format('type %s', t.typname) from pg_type t where t.typnamespace = 'public'::regnamespace and t.typtype in ('e', 'd')
      union all
      select format('default grants %s %s %s', defaclrole::regrole, defaclobjtype, defaclacl) from pg_default_acl
        where defaclnamespace = 'public'::regnamespace
      order by 1`);
    return rows.map(({ line }) => line);
  });
}
