/** What Fedify 2.3 expects of its runtime and Node.js 20 lacks; nothing on Node.js 22. */

globalThis.navigator ??= { userAgent: `Node.js/${process.versions.node}` };
