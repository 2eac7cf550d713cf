"""Documents that bring a message and do not become one, by the reason."""

from __future__ import annotations

from collections.abc import Mapping

_NO_ID = "its id, or its message's, is missing or no https URI: it could be neither fetched nor told from a forgery"
_NO_SENDER = "it names no actor, or one without a URI: nobody can have signed it"
_OTHER_SERVER = "its author is another server's than its sender or its id (FEP-fe34)"
_OTHER_AUTHOR = "it is attributed to somebody besides its actor, who alone has signed it"
_EMPTY = "it has neither text nor title, attachment nor link"

NOT_STORED: Mapping[str, str] = {
    # ap-corpus
    "gotosocial__gotosocial__astointernal_test.go-L231.json": _NO_ID,
    "granary-bridgy__granary__comment.as2.json": _NO_ID,
    "granary-bridgy__granary__comment_inreplyto_id.as2.json": _NO_ID,
    "granary-bridgy__granary__comment_multiple_in_reply_to.as2.json": _NO_ID,
    "granary-bridgy__granary__event.as2.json": _NO_ID,
    "granary-bridgy__granary__note_with_hashtag.as2.json": _NO_ID,
    "granary-bridgy__granary__activity_with_person_tag.as2.json": _NO_SENDER,
    "misskey__granary__quote.as2.json": _NO_SENDER,
    "pleroma__akkoma__activitypub-client-post-activity.json": _NO_SENDER,
    "pleroma__pleroma__activitypub-client-post-activity.json": _NO_SENDER,
    "pleroma__akkoma__https__info.pleroma.site_activity3.json": _OTHER_SERVER,
    "pleroma__bonfire__https__info.pleroma.site_activity2.json": _OTHER_SERVER,
    "pleroma__bonfire__https__info.pleroma.site_activity3.json": _OTHER_SERVER,
    "pleroma__pleroma__https__info.pleroma.site_activity2.json": _OTHER_SERVER,
    "pleroma__pleroma__https__info.pleroma.site_activity3.json": _OTHER_SERVER,
    "mobilizon__mobilizon__mobilizon-post-activity-group.json": _OTHER_AUTHOR,
    "fedify__fedify__test-avatar.jpg.json": _EMPTY,
    "granary-bridgy__granary__note_with_string_id_image.as2-from-as.json": _EMPTY,
    "granary-bridgy__granary__note_with_string_id_image.as2.json": _EMPTY,
    # as2-test-documents
    "valid/vocabulary-ex12-jsonld.json": _NO_SENDER,
    "valid/core-ex4-jsonld.json": _OTHER_SERVER,
    "valid/vocabulary-ex66-jsonld.json": _OTHER_AUTHOR,
    "fail/number-as-name.json": _EMPTY,
    "valid/simple0009.json": _EMPTY,
    "valid/simple0011.json": _EMPTY,
    # fediverse-pasture-inputs
    "necessary_properties-01.json": _NO_ID,
    # funfedi-parsing-cases
    "Activities/create_activity/null id": _NO_ID,
    "Activities/create_activity/without actor": _NO_SENDER,
    "Notes/necessary_properties_notes/without content": _EMPTY,
}
