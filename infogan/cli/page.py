"""The page: controls on the left, pictures on the right. Its pictures are data inside the HTML, never files."""

import base64
import html
import logging

import gradio as gr

from infogan import grids
from infogan.cli.explorer import Explorer, choices, note_malformed, read_picture
from infogan.run import TrainedRun
from infogan.system.messages import InputError

SYSTEM_FONTS = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
"""Gradio's own themes fetch fonts from the net."""
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


def build_page(run: TrainedRun) -> gr.Blocks:
    """The page of a run."""
    explorer = Explorer(run)
    told = "Every image has the same codes and a noise of its own." if explorer.has_noise else "The codes decide all."
    title = f"{run.spec.name}: {run.folder.name}"
    with _Page(title=title, analytics_enabled=False, delete_cache=(600, 600)) as page:
        gr.Markdown(f"## {title}\n{run.age}. {told}")
        noise = gr.State(None)  # of the uploaded picture
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                controls = [_control(explorer, code) for code in explorer.codes]
                seed = gr.Number(0, label="seed of the noise", precision=0, elem_id="seed", visible=explorer.has_noise)
                new_noise = gr.Button("New noise", elem_id="new-noise", visible=explorer.has_noise)
                names = [code.name for code in explorer.codes]
                swept = gr.Radio(names, value=names[-1], label="sweep of", elem_id="swept")
                film_button = gr.Button("Show the sweep", elem_id="show-film")
                upload = gr.UploadButton("Upload a picture", type="binary", file_types=["image"], elem_id="upload")
                is_inverted = gr.Checkbox(label="it is dark on light, as ink on paper", elem_id="inverted")
                gr.Markdown("The codes that Q reads from it move the controls. Move them on to edit it.")
            with gr.Column(scale=3, min_width=320):
                grid = gr.HTML(elem_id="grid")
                film = gr.HTML(elem_id="film")
                with gr.Row():
                    seen = gr.HTML(elem_id="seen", min_width=200)
                    again = gr.HTML(elem_id="again", min_width=200)
        # Past Gradio's queue, which takes 100 ms of its own; of changes during a drawing only the last is drawn.
        at_once = {"queue": False, "show_progress": "hidden", "trigger_mode": "always_last"}
        draw = {"fn": _at_once(_show_images, explorer), "inputs": [seed, noise, *controls], "outputs": [grid, again]}
        page.load(**draw, **at_once)
        for control in (seed, *controls):
            control.change(**draw, **at_once)
        new_noise.click(lambda value: int(value or 0) + 1, seed, seed, **at_once)
        film_button.click(_in_turn(_show_film, explorer), [swept, seed, *controls], film)
        upload.upload(_in_turn(_show_upload, explorer), [upload, is_inverted], [seen, noise, *controls]).then(**draw)
    return page.queue(max_size=LONGEST_QUEUE, default_concurrency_limit=1, api_open=False)


def _control(explorer, code):
    run = explorer.run
    description = run.codes[code.name]
    given = {"label": code.name, "elem_id": f"code-{code.name}", "value": explorer.start(code)}
    info = "; ".join(filter(None, [description.prior, description.most]))
    if code.distribution.is_discrete:
        return gr.Radio(choices(code, description), info=info, **given)
    return gr.Slider(*run.spec.sweep_ends(code), step=0.01, info=info, **given)


def _at_once(function, explorer):
    """The function on an explorer; where it fails, the reason is what the first of its two outputs shows."""

    def call(*arguments):
        try:
            return function(explorer, *arguments)
        except Exception as error:
            return f'<p role="alert">{html.escape(_explain(error))}</p>', ""

    return call


def _in_turn(function, explorer):
    """The function on an explorer; where it fails, the reason pops up and the page stays as it is."""

    def call(*arguments):
        try:
            return function(explorer, *arguments)
        except Exception as error:
            raise gr.Error(html.escape(_explain(error)), print_exception=False) from error

    return call


def _explain(error):
    """The line that the page shows; what is no mistake of the visitor's goes to the terminal with its trace."""
    if isinstance(error, InputError):
        return str(error)
    logging.getLogger("infogan").error("a request of the page failed", exc_info=error)
    return f"{type(error).__name__}: see the terminal. The page still works."


def _show_images(explorer, seed, noise, *settings):
    """The grid, and the uploaded picture drawn again."""
    if seed is None:
        raise InputError("seed", "nothing was given, but it needs a whole number.")
    grid = _embed_png(grids.tile(explorer.draw(settings, int(seed))), "grid.png", "images of these codes")
    if noise is None:
        return grid, ""
    picture = grids.tile(explorer.draw_again(settings, noise))
    return grid, _embed_png(picture, "again.png", "drawn again from these codes", 6)


def _show_film(explorer, name, seed, *settings):
    return _embed(explorer.film(name, settings, int(seed or 0)), "gif", f"{name}.gif", f"sweep of {name}")


def _show_upload(explorer, content, is_inverted):
    if content is None:
        raise InputError("picture", "nothing was uploaded, but a file is needed.")
    image = read_picture(content, explorer.run.image_shape, is_inverted)
    settings, noise, facts = explorer.recognise(image)
    picture = _embed_png(grids.tile(image[None, None] / 255.0), "seen.png", "as the model sees it", 6)
    listed = "".join(f"<li>{html.escape(fact)}</li>" for fact in facts)
    return f"{picture}<ul>{listed}</ul>", noise, *settings


def _embed_png(picture, name, caption, scale=3):
    return _embed(grids.encode_png(picture, scale), "png", name, caption)


def _embed(content, kind, name, caption):
    data = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    link = f'<a download="{html.escape(name)}" href="{data}">Download {kind.upper()}</a>'
    return (
        f'<figure><img src="{data}" alt="{html.escape(caption)}">'
        f"<figcaption>{html.escape(caption)}. {link}</figcaption></figure>"
    )
