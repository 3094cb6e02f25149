"""Words people write: French comments, chat messages and posts, built from parts."""

from __future__ import annotations

import numpy as np

_OPENINGS = (
    "Franchement",
    "Wow",
    "Bon",
    "Alors là",
    "Honnêtement",
    "Merci",
    "Ah",
    "Bravo",
    "Hmm",
    "Sérieux",
)
_JUDGEMENTS = (
    "j’adore cette lumière",
    "c'est magnifique",
    "on s'ennuie un peu",
    "c'est long",
    "quelle idée !",
    "je n'entends rien",
    "le son est coupé ?",
    "je veux le coffret",
    "la démo est superbe",
    "trop de blabla",
    "pas mal du tout",
    "c’est combien ?",
    "vous livrez en Belgique ?",
    "la couleur est sublime",
    "je reste pour la fin",
    "rien compris à la démonstration",
)
_ENDINGS = ("", "", " 😍", " 👏👏", " 😴", " !!", " …", " ❤️", " 🙄", " #MaisonLumiere")
_SHOUTS = (
    "OUIIII 😍",
    "Waouh !!!",
    "incroyable",
    "😱😱😱",
    "enfin !",
    "magnifique ❤️",
    "je le veux",
    "👏👏👏",
)
_IDEAS = (
    "Une édition en bleu",
    "Un atelier en boutique",
    "Sous-titres pendant le direct",
    "Un format mini",
    "Une collection pour enfants",
    "Recharge éco-conçue",
    "Un direct le dimanche",
    "Gravure offerte",
)


def _pick(rng: np.random.Generator, parts: tuple[str, ...]) -> str:
    return parts[int(rng.integers(len(parts)))]


def comment(rng: np.random.Generator) -> str:
    """A sentence about the show, with the accents, apostrophes and emoji people use."""
    return f"{_pick(rng, _OPENINGS)}, {_pick(rng, _JUDGEMENTS)}{_pick(rng, _ENDINGS)}"


def shout(rng: np.random.Generator) -> str:
    """What the chat says just after the moment."""
    return _pick(rng, _SHOUTS)


def idea_title(number: int) -> str:
    return f"{_IDEAS[number % len(_IDEAS)]} ({number + 1})"
