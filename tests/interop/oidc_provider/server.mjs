// A certified OpenID provider (npm oidc-provider) for the tests: it demands PKCE, knows prompt=create, RP-initiated and
// back-channel logout, rotates refresh tokens where the client may have some, asks for no consent, and lets a test change
// people's names and groups while it runs.
//
//   node server.mjs '{"port": 5002, "blogUrl": "http://localhost:5000", "clientId": "…", "clientSecret": "…"}'
//
// More about the client goes into "client", more of what the provider can do into "features".
//
// It keeps nothing, and ends when its standard input does.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider, interactionPolicy } from 'oidc-provider';

const { port, blogUrl, clientId, clientSecret, client = {}, features = {} } = JSON.parse(process.argv[2]);
const issuer = `http://localhost:${port}`;

// -- people: any password will do, and nobody is known by more than a login and a name -------------------------------

const people = new Map(); // login → { sub, name, groups }

function addPerson(login, name) {
  if (!people.has(login)) people.set(login, { sub: `sub-${randomBytes(8).toString('hex')}`, name, groups: [] });
  return people.get(login);
}

function findAccount(_ctx, sub) {
  const person = [...people.values()].find((each) => each.sub === sub);
  return person && { accountId: sub, claims: () => ({ sub, name: person.name, groups: person.groups }) };
}

// -- the provider -----------------------------------------------------------------------------------------------------

const policy = interactionPolicy.base();
policy.add(new interactionPolicy.Prompt({ name: 'create', requestable: true }), 0);

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };
}

async function grantWhatIsAsked(ctx) {
  const { provider, client, session, requestParamOIDCScopes } = ctx.oidc;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope([...requestParamOIDCScopes].join(' '));
  await grant.save();
  return grant;
}

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [`${blogUrl}/oidc/callback`],
      post_logout_redirect_uris: [`${blogUrl}/`],
      backchannel_logout_uri: `${blogUrl}/oidc/backchannel-logout`,
      backchannel_logout_session_required: true,
      token_endpoint_auth_method: 'client_secret_basic',
      ...client,
    },
  ],
  jwks: { keys: [signingKey()] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  claims: { openid: ['sub'], profile: ['name', 'groups'], sid: null },
  pkce: { required: () => true },
  issueRefreshToken: (_ctx, itsClient) => itsClient.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  discovery: { prompt_values_supported: ['none', 'login', 'create'] },
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
    ...features,
  },
  interactions: { policy, url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }), // else it sends nothing to this machine
  loadExistingGrant: grantWhatIsAsked,
  findAccount,
});

// -- pages ------------------------------------------------------------------------------------------------------------

function page(title, body) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`;
}

function form(uid, fields, button) {
  const inputs = fields.map(([name, label]) => `<p><label for="${name}">${label}</label> <input id="${name}" name="${name}"></p>`);
  return `<form method="post" action="/interaction/${uid}">${inputs.join('')}<button>${button}</button></form>`;
}

async function show(request, response) {
  const { uid, prompt } = await provider.interactionDetails(request, response);
  const creates = prompt.name === 'create';
  const fields = [['login', 'Username'], ...(creates ? [['name', 'Display Name']] : []), ['password', 'Password']];
  const text = page(creates ? 'Create an account' : 'Sign in', form(uid, fields, creates ? 'Create account' : 'Sign in'));
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(text);
}

async function decide(request, response) {
  const { prompt } = await provider.interactionDetails(request, response);
  const typed = new URLSearchParams(await read(request));
  const login = typed.get('login');
  if (prompt.name !== 'create' && !people.has(login)) {
    response.writeHead(403, { 'content-type': 'text/plain' }).end('nobody of this name');
    return;
  }
  const { sub } = addPerson(login, typed.get('name'));
  await provider.interactionFinished(request, response, { create: {}, login: { accountId: sub } });
}

// -- what tests do behind the scenes ----------------------------------------------------------------------------------

async function changePeople(request, response) {
  for (const [login, name] of Object.entries(JSON.parse(await read(request)))) addPerson(login, name).name = name;
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(Object.fromEntries(people)));
}

async function changeGroups(request, response) {
  for (const [login, groups] of Object.entries(JSON.parse(await read(request)))) people.get(login).groups = groups;
  response.writeHead(204).end();
}

// The client's key set is read again at its next request, as if the time for which it may be kept had passed.
async function forgetKeys(_request, response) {
  (await provider.Client.find(clientId)).asymmetricKeyStore.freshUntil = 0;
  response.writeHead(204).end();
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

const serve = provider.callback();

function route(request) {
  if (request.url.startsWith('/interaction/')) return request.method === 'POST' ? decide : show;
  if (request.url === '/control/people' && request.method === 'POST') return changePeople;
  if (request.url === '/control/groups' && request.method === 'POST') return changeGroups;
  if (request.url === '/control/forget-keys' && request.method === 'POST') return forgetKeys;
  return serve;
}

createServer((request, response) => {
  Promise.resolve(route(request)(request, response)).catch((error) => {
    console.error(error);
    if (!response.headersSent) response.writeHead(500);
    response.end();
  });
}).listen(port, '127.0.0.1');

process.stdin.resume().on('end', () => process.exit());
