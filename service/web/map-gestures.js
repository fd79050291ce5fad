/**
 * What hands do to the map: drag, wheel, pinch, keys; each told as a camera that moves.
 *
 * listen(surface, { move(dx, dy), zoom(factor, px, py, isSmooth), fit(), hover(px, py | null), pick(px, py) })
 * all in CSS pixels of the surface.
 */

const STEP_PX = 90;
const WHEEL = 0.0016;
const LINE_PX = 16;
const STILL_PX = 6; // a pointer that has moved less has clicked
const BY_KEY = 1.6;

export function listen(surface, on) {
  const pointers = new Map();
  let travelled = 0;

  const place = (event) => {
    const { left, top } = surface.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };

  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    surface.setPointerCapture(event.pointerId);
    if (pointers.size === 0) travelled = 0;
    pointers.set(event.pointerId, place(event));
    if (pointers.size > 1) travelled = Infinity;
  });

  surface.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    const now = place(event);
    if (!before) return event.pointerType === "touch" ? undefined : on.hover(...now);
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    travelled += Math.hypot(dx, dy);
    const other = [...pointers.entries()].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, now);
    if (other) return pinch(before, now, other);
    if (travelled > STILL_PX) on.move(dx, dy);
    return undefined;
  });

  function pinch(before, now, other) {
    const apart = (point) => Math.max(20, Math.hypot(point[0] - other[0], point[1] - other[1]));
    on.move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    on.zoom(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2, false);
  }

  surface.addEventListener("pointerup", (event) => {
    if (!pointers.delete(event.pointerId) || pointers.size > 0) return;
    if (travelled <= STILL_PX) on.pick(...place(event));
  });
  surface.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
  surface.addEventListener("pointerleave", () => on.hover(null));

  surface.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaMode === 1 ? event.deltaY * LINE_PX : event.deltaY;
    // a touchpad's pinch comes as a wheel with Ctrl, in smaller steps
    const strength = event.ctrlKey ? WHEEL * 6 : WHEEL;
    on.zoom(Math.exp(-Math.max(-300, Math.min(300, pixels)) * strength), ...place(event), false);
  }, { passive: false });

  surface.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? STEP_PX * 4 : STEP_PX;
    const act = {
      ArrowLeft: () => on.move(step, 0, true), ArrowRight: () => on.move(-step, 0, true),
      ArrowUp: () => on.move(0, step, true), ArrowDown: () => on.move(0, -step, true),
      "+": () => on.zoom(BY_KEY, undefined, undefined, true), "=": () => on.zoom(BY_KEY, undefined, undefined, true),
      "-": () => on.zoom(1 / BY_KEY, undefined, undefined, true), 0: () => on.fit(), Home: () => on.fit(),
      Enter: () => on.pick(null), " ": () => on.pick(null),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
}
