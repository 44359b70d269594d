/** Runs jobs, which may add more, with `width` of them at once; the last of the queue first. */
export function drain(queue, width) {
  return new Promise((resolve, reject) => {
    let running = 0;
    const next = () => {
      if (queue.length === 0 && running === 0) resolve();
      while (running < width && queue.length > 0) {
        running += 1;
        queue
          .pop()()
          .then(() => {
            running -= 1;
            next();
          }, reject);
      }
    };
    next();
  });
}
