// Whether what is shown is what is. Lives here: the states, their words, the title. Not here: the connection (`feed`).

import { ago } from './format.js';
import { byId, mark, say } from './dom.js';

/** How late a moment may be: some intervals, and some seconds at least. */
const LATE_INTERVALS = 3;
const LATE_SECONDS = 5;

const WORDS = { connecting: 'Connecting', live: 'Live', paused: 'Paused', stopped: 'Stopped' };

/** The page's state, told in the bar and in the title. */
export class State {
  constructor() {
    this.paused = false;
    this.reached = undefined;
    this.reason = '';
    this.last = undefined;
    this.period = 1;
    setInterval(() => this.tell(), 500);
  }

  /** A moment came. */
  moment(period) {
    this.last = performance.now();
    this.period = period;
    this.tell();
  }

  /** The connection is there, or is not and why. */
  connection(reached, reason) {
    this.reached = reached;
    this.reason = reason;
    this.tell();
  }

  pause(paused) {
    this.paused = paused;
    this.tell();
  }

  get age() {
    return this.last === undefined ? undefined : (performance.now() - this.last) / 1000;
  }

  get name() {
    const late = this.age > Math.max(LATE_SECONDS, LATE_INTERVALS * this.period);
    if (this.reached === false || late) return 'stopped';
    if (this.last === undefined) return 'connecting';
    return this.paused ? 'paused' : 'live';
  }

  tell() {
    const { name } = this;
    mark(byId('state'), 'data-state', name);
    const why = this.reached === false ? this.reason : 'The server answers, but has nothing new: did its reporter stop?';
    const more = { stopped: `: ${why}`, paused: ': figures stand still, and go on being collected' }[name] ?? '';
    say(byId('state-text'), WORDS[name] + more);
    const { age } = this;
    const since = age === undefined ? '' : `last data ${ago(age)} ago`;
    say(byId('age'), name === 'live' || name === 'paused' ? '' : [since, name === 'stopped' ? 'retrying' : ''].filter(Boolean).join(', '));
    const title = `${name === 'live' ? '' : `${WORDS[name]} · `}media-metrics · ${location.host}`;
    if (document.title !== title) document.title = title;
  }
}
