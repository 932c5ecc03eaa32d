let cursor; // The newest position that this page has handled.
let pause = 1000; // Before the next try.

async function connect() {
  const token = await getToken();
  const socket = new WebSocket('ws://localhost:8080/ws');
  socket.addEventListener('open', () => {
    socket.send(JSON.stringify({ access_token: token, subscribe: ['deals.42'], cursor }));
  });
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'event') show(message);
    else if (message.event === 'connected') pause = 1000;
    else if (message.event === 'reconnect') pause = message.delayMs;
    if (message.resume === 'new') fetchState();
    if (message.resume === 'resync' || (message.type === 'system' && message.event === 'resync')) {
      setTimeout(() => fetchState(), message.delayMs);
    }
    cursor = message.cursor ?? cursor;
  });
  socket.addEventListener('close', ({ code }) => {
    const final = code === 1000 || code === 1009 || (code >= 4400 && code < 4500);
    if (!final || [4401, 4408, 4429].includes(code)) comeBack();
  });
}

function comeBack() {
  setTimeout(() => connect().catch(comeBack), pause * (1 + Math.random()));
  pause = Math.min(Math.max(pause * 2, 1000), 30_000);
}

connect().catch(comeBack);
