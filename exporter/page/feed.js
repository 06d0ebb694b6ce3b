// Events from the server. Lives here: the connection, and coming back after it was lost. Not here: what is made of a moment.

/** The server sends a moment or a sign of life at least so often; a connection without is dead. In milliseconds. */
const RETRY = 2000;

/** Tells `onMoment` of each moment, and `onConnection` whether the server can be reached. */
export function listen({ onMoment, onConnection }) {
  let source;
  let retry;
  const connect = () => {
    clearTimeout(retry);
    source?.close();
    source = new EventSource('api/v1/events');
    source.addEventListener('open', () => onConnection(true, ''));
    source.addEventListener('moment', (event) => onMoment(JSON.parse(event.data)));
    source.addEventListener('error', () => {
      onConnection(false, source.readyState === EventSource.CLOSED ? 'The server refused to tell more' : 'The server does not answer');
      // A browser comes back by itself, but not after a refusal (too many listeners, say).
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(connect, RETRY);
    });
  };
  connect();
  // Who comes back to the page wants to see what is now, and not to wait for the browser's next attempt.
  addEventListener('online', connect);
  addEventListener('pageshow', (event) => { if (event.persisted) connect(); });
}
