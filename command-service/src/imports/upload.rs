//! A file as it is uploaded: the body itself, or the part `file` of a form whose other parts are settings.

use std::collections::HashMap;

use platform::http::{Problem, Text, codes};
use poem::http::header;
use poem::web::Multipart;
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

/// Parts of a form that are looked at.
const PARTS_MAX: usize = 20;
const FIELD_BYTES_MAX: usize = 2_000;
/// Media types that the document names; what the file is, its bytes say.
const MEDIA_TYPES: [&str; 4] = [
    "multipart/form-data",
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/octet-stream",
];

/// An uploaded file.
pub(super) struct Upload {
    pub content: Vec<u8>,
    pub file_name: Option<String>,
    /// The form's other parts; they count like the query's parameters.
    pub fields: HashMap<String, String>,
}

impl<'a> ApiExtractor<'a> for Upload {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(_: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let content = MEDIA_TYPES.map(|content_type| MetaMediaType {
            content_type,
            schema: if content_type == MEDIA_TYPES[0] {
                form_schema()
            } else {
                binary()
            },
        });
        Some(MetaRequest {
            description: Some("The file: as the body itself, or as the part `file` of a form."),
            content: content.into(),
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let media_type = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if media_type
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("multipart/form-data")
        {
            let form = <Multipart as FromRequest>::from_request(request, body)
                .await
                .map_err(|_| form_problem())?;
            return Ok(from_form(form).await?);
        }
        let content = body.take()?.into_bytes().await.map_err(|_| form_problem())?;
        Ok(Self {
            content: content.into(),
            file_name: None,
            fields: HashMap::new(),
        })
    }
}

async fn from_form(mut form: Multipart) -> Result<Upload, Problem> {
    let mut upload = Upload {
        content: Vec::new(),
        file_name: None,
        fields: HashMap::new(),
    };
    let mut has_file = false;
    for _ in 0..PARTS_MAX {
        let Some(part) = form.next_field().await.map_err(|_| form_problem())? else {
            break;
        };
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" && !has_file {
            has_file = true;
            upload.file_name = part.file_name().map(str::to_owned);
            // The guard has bounded the whole body already.
            upload.content = part.bytes().await.map_err(|_| form_problem())?;
        } else {
            let bytes = part.bytes().await.map_err(|_| form_problem())?;
            let text = String::from_utf8(bytes)
                .ok()
                .filter(|text| text.len() <= FIELD_BYTES_MAX);
            upload.fields.insert(name, text.ok_or_else(form_problem)?);
        }
    }
    if has_file { Ok(upload) } else { Err(form_problem()) }
}

fn form_problem() -> Problem {
    Problem::new(&codes::BODY_INVALID).at(
        "/file",
        Text::fixed(
            "se espera un archivo en la parte «file» del formulario",
            "a file is expected in the form's part file",
        ),
    )
}

fn binary() -> MetaSchemaRef {
    let mut schema = MetaSchema::new("string");
    schema.format = Some("binary");
    MetaSchemaRef::Inline(Box::new(schema))
}

fn form_schema() -> MetaSchemaRef {
    let mut schema = MetaSchema::new("object");
    schema.required = vec!["file"];
    schema.properties = vec![("file", binary())];
    MetaSchemaRef::Inline(Box::new(schema))
}
