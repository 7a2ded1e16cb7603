//! The implementation of `nn::CastTo`: the same network in another precision.
//!
//! Each field's twin must have the field's own type in the other precision; that is a bound, so a type with a field that has no twin
//! (boxed layers) still derives `Module` and only lacks `cast`.

use crate::fields::{Target, arguments, replace};
use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote};
use syn::{GenericParam, TypeParamBound};

pub(crate) fn cast_to(target: &Target<'_>) -> TokenStream {
    let (Some(float), false) = (&target.float_param, target.has_other_types) else {
        return TokenStream::new();
    };
    let twin = format_ident!("NnTwin");
    let name = target.name;
    let (_, type_generics, _) = target.generics.split_for_impl();
    let twin_generics = arguments(target.generics, float, &twin);
    let params = target.generics.params.iter().map(|param| match param {
        GenericParam::Type(param) => {
            let (ident, bounds) = (&param.ident, &param.bounds);
            quote!(#ident: #bounds)
        }
        GenericParam::Const(param) => {
            let (ident, ty) = (&param.ident, &param.ty);
            quote!(const #ident: #ty)
        }
        GenericParam::Lifetime(param) => quote!(#param),
    });
    let own = target.generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let own: Vec<_> = own.collect();
    let own_of_twin = own.iter().map(|predicate| replace(predicate.to_token_stream(), float, &twin));
    let float_bounds = target.generics.type_params().filter(|param| param.ident == *float).flat_map(|param| &param.bounds);
    let float_bounds: Vec<&TypeParamBound> = float_bounds.collect();
    let fields = target.variants.iter().flat_map(|variant| &variant.fields);
    let bounds = fields.filter(|field| !field.is_phantom).map(|field| {
        let ty = field.ty;
        if field.is_skipped {
            return quote!(#ty: ::core::clone::Clone);
        }
        let of_twin = replace(ty.to_token_stream(), float, &twin);
        quote!(#ty: ::nn::module::CastTo<#twin, Output = #of_twin>)
    });
    let arms = target.variants.iter().map(|variant| {
        let path = &variant.path;
        let members: Vec<_> = variant.fields.iter().map(|field| &field.member).collect();
        let bindings = variant.fields.iter().map(|field| &field.binding);
        let values = variant.fields.iter().map(|field| {
            let binding = &field.binding;
            match (field.is_phantom, field.is_skipped) {
                (true, _) => quote!({ let _ = #binding; ::core::marker::PhantomData }),
                (_, true) => quote!(::core::clone::Clone::clone(#binding)),
                _ => quote!(::nn::module::CastTo::<#twin>::cast_to(#binding)),
            }
        });
        quote!(#path { #(#members: #bindings,)* } => #path { #(#members: #values,)* },)
    });
    quote! {
        #[automatically_derived]
        impl<#(#params,)* #twin> ::nn::module::CastTo<#twin> for #name #type_generics
        where
            #twin: ::nn::module::Float #(+ #float_bounds)*,
            #(#own,)*
            #(#own_of_twin,)*
            #(#bounds,)*
        {
            type Output = #name #twin_generics;
            fn cast_to(&self) -> Self::Output {
                match self { #(#arms)* }
            }
        }
    }
}
