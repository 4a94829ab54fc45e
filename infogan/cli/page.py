"""The page: controls and pictures side by side, or on a narrow screen pictures above. They are data, never files."""

import base64
import html
import logging
from collections.abc import Sequence

import gradio as gr

from infogan import grids
from infogan.cli.explorer import Explorer, Point, choices, note_malformed, read_picture
from infogan.run import TrainedRun
from infogan.system.messages import InputError

SYSTEM_FONTS = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
"""Gradio's own themes fetch fonts from the net."""
STYLE = """
figure { margin: 0 }
figure img { max-width: 100%; image-rendering: pixelated }
[role=alert] { color: var(--error-text-color, #b3261e); font-weight: bold }
#pad .axes { display: flex; gap: 1rem; margin-bottom: .5rem }
#pad select { background: var(--input-background-fill); color: var(--body-text-color); padding: .2rem }
#pad .pad { position: relative; max-width: 16rem; aspect-ratio: 1; touch-action: none; cursor: crosshair;
  border: 1px solid var(--border-color-primary); border-radius: 6px; background: var(--background-fill-secondary) }
#pad .pad i { position: absolute; width: 1.2rem; height: 1.2rem; margin: -.6rem; border-radius: 50%;
  background: var(--color-accent); pointer-events: none }
@media (max-width: 767px) {
  .gradio-container { overflow: clip !important }
  #shown { display: contents }
  #grids { order: -1; position: sticky; top: 0; z-index: 9; flex-wrap: nowrap; padding-bottom: .3rem;
    background: var(--body-background-fill) }
  #grids figcaption { font-size: .8rem }
  #note { order: -1 }
}
"""
"""CSS. On a narrow screen the images stay at the top while the controls below them are moved."""
PAD = """
const pad = element.querySelector(".pad"), dot = pad.querySelector("i"), axes = element.querySelectorAll("select");
const slider = axis => document.querySelector(`#code-${CSS.escape(axis.value)} input[type=range]`);
const share = axis => { const s = slider(axis); return s ? (s.value - s.min) / (s.max - s.min) : 0.5; };
const show = () => { dot.style.left = `${100 * share(axes[0])}%`; dot.style.bottom = `${100 * share(axes[1])}%`; };
const set = (axis, at) => {
  const s = slider(axis);
  s.value = Number(s.min) + Math.min(1, Math.max(0, at)) * (s.max - s.min);
  s.dispatchEvent(new Event("input", {bubbles: true}));
};
const move = event => {
  const box = pad.getBoundingClientRect();
  set(axes[0], (event.clientX - box.left) / box.width);
  if (axes[0].value !== axes[1].value) set(axes[1], (box.bottom - event.clientY) / box.height);
  show();
};
pad.addEventListener("pointerdown", event => { pad.setPointerCapture(event.pointerId); move(event); });
pad.addEventListener("pointermove", event => { if (pad.hasPointerCapture(event.pointerId)) move(event); });
setInterval(show, 200);  // the sliders are moved by hand, by links and by uploaded pictures
"""
"""JavaScript of the pad: it moves the two codes' sliders, and its dot follows them."""
LARGEST_UPLOAD = "8mb"
LONGEST_QUEUE = 16


class _Page(gr.Blocks):
    """Blocks that answer a request of another form than the page's own in one line, where Gradio prints a trace."""

    async def process_api(self, *arguments, **options):
        try:
            return await super().process_api(*arguments, **options)
        except gr.Error:
            raise
        except Exception as error:
            note_malformed(error)
            raise gr.Error("The request was not understood.", print_exception=False) from error


def build_page(runs: Sequence[TrainedRun]) -> gr.Blocks:
    """The page of a run, or of two of the same codes, which the same controls move; the first one reads pictures."""
    explorers = [Explorer(run) for run in runs]
    explorer, has_noise = explorers[0], any(explorer.has_noise for explorer in explorers)
    told = "Every image has the same codes and a noise of its own." if has_noise else "The codes decide all."
    title = f"{explorer.run.spec.name}: {' and '.join(run.folder.name for run in runs)}"
    names = [code.name for code in explorer.codes]
    with _Page(title=title, analytics_enabled=False, delete_cache=(600, 600)) as page:
        gr.Markdown(f"## {title}\n{'; '.join(run.age for run in runs)}. {told}")
        noise, start = gr.State(None), gr.State(None)  # of the uploaded picture; of the morph
        with gr.Row():
            with gr.Column(scale=2, min_width=320, elem_id="controls"):
                _build_pad([code.name for code in explorer.codes if not code.distribution.is_discrete])
                controls = [_control(explorer, code) for code in explorer.codes]
                seed = gr.Number(0, label="seed of the noise", precision=0, elem_id="seed", visible=has_noise)
                new_noise = gr.Button("New noise", elem_id="new-noise", visible=has_noise)
                swept = gr.Radio(names, value=names[-1], label="sweep of", elem_id="swept")
                film_button = gr.Button("Show the sweep", elem_id="show-film")
                upload = gr.UploadButton("Upload a picture", type="binary", file_types=["image"], elem_id="upload")
                is_inverted = gr.Checkbox(label="it is dark on light, as ink on paper", elem_id="inverted")
                gr.Markdown("The codes that Q reads from it move the controls. Move them on to edit it.")
                keep = gr.Button("Start a morph here", elem_id="keep")
                morph = gr.Button("Morph from there to here", elem_id="morph")
            with gr.Column(scale=3, min_width=320, elem_id="shown"):
                with gr.Row(elem_id="grids"):
                    grids_shown = [gr.HTML(elem_id=f"grid{each}", min_width=150) for each in _suffixes(explorers)]
                note = gr.HTML(elem_id="note")
                with gr.Row(elem_id="films"):
                    films = [gr.HTML(elem_id=f"film{each}", min_width=150) for each in _suffixes(explorers)]
                with gr.Row(elem_id="pictures"):
                    seen = gr.HTML(elem_id="seen", min_width=150)
                    again = gr.HTML(elem_id="again", min_width=150)
                    kept = gr.HTML(elem_id="kept", min_width=150)
        # Past Gradio's queue, which takes 100 ms of its own; of changes during a drawing only the last is drawn.
        at_once = {"queue": False, "show_progress": "hidden", "trigger_mode": "always_last"}
        state, outputs = [seed, noise, *controls], [*grids_shown, again]
        draw = {"fn": _at_once(_show_images, explorers, len(outputs)), "inputs": [swept, *state], "outputs": outputs}

        def open_link(request: gr.Request) -> tuple:  # Gradio gives the request to what asks for one
            return _open_link(explorer, dict(request.query_params))

        page.load(open_link, None, [note, swept, seed, *controls], **at_once).then(**draw, **at_once)
        for control in (seed, swept, *controls):
            control.change(**draw, **at_once)
        new_noise.click(lambda value: int(value or 0) + 1, seed, seed, **at_once)
        film_button.click(_in_turn(_show_films, explorers), [swept, seed, *controls], films)
        upload.upload(_in_turn(_show_upload, explorer), [upload, is_inverted], [seen, noise, *controls]).then(**draw)
        keep.click(_in_turn(_keep, explorer), state, [start, kept])
        morph.click(_in_turn(_show_morphs, explorers), [start, *state], films)
    return page.queue(max_size=LONGEST_QUEUE, default_concurrency_limit=1, api_open=False)


def _suffixes(explorers):
    return ["", "-compared"][: len(explorers)]


def _build_pad(names):
    """A square on which two numbers are set at once, where there are as many."""
    if len(names) < 2:
        return
    axes = [
        f"<label>{text} <select>"
        + "".join(f"<option{' selected' * (name == chosen)}>{html.escape(name)}</option>" for name in names)
        + "</select></label>"
        for text, chosen in (("across", names[0]), ("up", names[1]))
    ]
    gr.HTML(f'<div class="axes">{"".join(axes)}</div><div class="pad"><i></i></div>', js_on_load=PAD, elem_id="pad")


def _control(explorer, code):
    run = explorer.run
    description = run.codes[code.name]
    given = {"label": code.name, "elem_id": f"code-{code.name}", "value": explorer.start(code)}
    info = "; ".join(filter(None, [description.prior, description.most]))
    if code.distribution.is_discrete:
        return gr.Radio(choices(code, description), info=info, **given)
    return gr.Slider(*run.spec.sweep_ends(code), step=0.01, info=info, **given)


def _at_once(function, explorers, outputs):
    """The function on explorers; where it fails, the reason is what the first of its outputs shows."""

    def call(*arguments):
        try:
            return function(explorers, *arguments)
        except Exception as error:
            return _alert(error), *[""] * (outputs - 1)

    return call


def _in_turn(function, explored):
    """The function on one or several explorers; where it fails, the reason pops up and the page stays as it is."""

    def call(*arguments):
        try:
            return function(explored, *arguments)
        except Exception as error:
            raise gr.Error(html.escape(_explain(error)), print_exception=False) from error

    return call


def _alert(error):
    return f'<p role="alert">{html.escape(_explain(error))}</p>'


def _explain(error):
    """The line that the page shows; what is no mistake of the visitor's goes to the terminal with its trace."""
    if isinstance(error, InputError):
        return str(error)
    logging.getLogger("infogan").error("a request of the page failed", exc_info=error)
    return f"{type(error).__name__}: see the terminal. The page still works."


def _open_link(explorer, query):
    """What is wrong with the link that the page was opened by, or nothing; and its settings, or those of the start."""
    try:
        told, (settings, seed, swept) = "", explorer.read_link(query)
    except InputError as error:
        told, (settings, seed, swept) = _alert(error), explorer.read_link({})
    return told, swept, seed, *settings


def _check_seed(seed):
    if seed is None:
        raise InputError("seed", "nothing was given, but it needs a whole number.")
    return int(seed)


def _spread(explorers, settings):
    """(explorer, its settings, what its captions begin with) of each run."""
    first = explorers[0]
    many = len(explorers) > 1
    for explorer in explorers:
        own = settings if explorer is first else first.translate(settings, explorer)
        yield explorer, own, f"{explorer.run.folder.name}: " if many else ""


def _show_images(explorers, swept, seed, noise, *settings):
    """The grid of each run, and the uploaded picture drawn again."""
    seed = _check_seed(seed)
    shown: list[str] = []
    link = html.escape(explorers[0].write_link(settings, seed, swept))
    for explorer, own, name in _spread(explorers, settings):
        picture = grids.tile(explorer.draw(own, seed))
        more = "" if shown else f' <a href="{link}">Link to these settings</a>'
        shown.append(_embed_png(picture, "grid.png", f"{name}images of these codes", more=more))
    if noise is None:
        return *shown, ""
    picture = grids.tile(explorers[0].draw_again(settings, noise))
    return *shown, _embed_png(picture, "again.png", "drawn again from these codes", 6)


def _show_films(explorers, swept, seed, *settings):
    seed = _check_seed(seed)
    films = [
        _embed(explorer.film(swept, own, seed), "gif", f"{swept}.gif", f"{name}sweep of {swept}")
        for explorer, own, name in _spread(explorers, settings)
    ]
    return films if len(films) > 1 else films[0]


def _keep(explorer, seed, noise, *settings):
    """The Point where a morph begins, and its picture."""
    point = Point(settings, _check_seed(seed), noise)
    image = explorer.draw(settings, point.seed)[:1, :1] if noise is None else explorer.draw_again(settings, noise)
    return point, _embed_png(grids.tile(image), "start.png", "start of the morph", 6)


def _show_morphs(explorers, start, seed, noise, *settings):
    if start is None:
        raise InputError("morph", 'no start was chosen, but it needs one. Press "Start a morph here" first.')
    films, seed = [], _check_seed(seed)
    starts = _spread(explorers, start.settings)
    for (explorer, own, name), (_, first, _) in zip(_spread(explorers, settings), starts):
        is_read = explorer is explorers[0]  # noise of an uploaded picture is that run's
        points = (first, start.seed, start.noise if is_read else None), (own, seed, noise if is_read else None)
        film = explorer.morph(*(Point(*point) for point in points))
        films.append(_embed(film, "gif", "morph.gif", f"{name}morph, there and back"))
    return films if len(films) > 1 else films[0]


def _show_upload(explorer, content, is_inverted):
    if content is None:
        raise InputError("picture", "nothing was uploaded, but a file is needed.")
    image = read_picture(content, explorer.run.image_shape, is_inverted)
    settings, noise, facts = explorer.recognise(image)
    picture = _embed_png(grids.tile(image[None, None] / 255.0), "seen.png", "as the model sees it", 6)
    listed = "".join(f"<li>{html.escape(fact)}</li>" for fact in facts)
    return f"{picture}<ul>{listed}</ul>", noise, *settings


def _embed_png(picture, name, caption, scale=3, more=""):
    return _embed(grids.encode_png(picture, scale), "png", name, caption, more)


def _embed(content, kind, name, caption, more=""):
    """HTML of a picture, its caption and a link to keep it; `more` is HTML that follows the link."""
    data = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    link = f'<a download="{html.escape(name)}" href="{data}">Download {kind.upper()}</a>'
    return (
        f'<figure><img src="{data}" alt="{html.escape(caption)}">'
        f"<figcaption>{html.escape(caption)}. {link}{more}</figcaption></figure>"
    )
