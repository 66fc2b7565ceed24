const sides = '^src/(commands|projections|publishing|read-api|embedded)/';

export default {
  forbidden: [
    { name: 'domain-is-pure', severity: 'error', from: { path: '^src/domain/' }, to: { pathNot: '^src/domain/' } },
    {
      name: 'platform-below-all',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^src/', pathNot: '^src/(platform/|domain/(kernel|ids|money|events)[.]ts$)' },
    },
    // dependency-cruiser sees `import type` as an ordinary import, so the exception for row types goes by file name.
    {
      name: 'sides-apart',
      severity: 'error',
      from: { path: sides },
      to: { path: sides, pathNot: ['^src/$1/', '^src/projections/models/[^/]+[.]rows[.]ts$'] },
    },
    {
      name: 'edge-composes-routes',
      severity: 'error',
      from: { path: '^src/edge/' },
      to: { path: sides, pathNot: '/(routes|dialects)/|/module[.]ts$' },
    },
    {
      name: 'container-in-composition-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '/(module|main)[.]ts$|^src/cli/' },
      to: { path: '(^|/)inversify(/|$)' },
    },
    {
      name: 'audit-independent',
      severity: 'error',
      from: { path: '^src/audit/' },
      to: { path: '^src/(commands|projections|publishing|read-api|embedded|edge|cli)/' },
    },
    { name: 'load-imports-nothing', severity: 'error', from: { path: '^load/' }, to: { path: '^src/' } },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: { tsPreCompilationDeps: true, parser: 'swc', doNotFollow: { path: 'node_modules' } },
};
